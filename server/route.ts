import { z } from 'zod';
import type { CallerOf, Who } from './caller.ts';
import type { ServerDeps } from './deps.ts';
import { parseInput } from './shapes/primitives.ts';

/** One route: what the document says of it, and how it is answered. */
export interface RouteSpec<W extends Who, P, Q, B, A> {
  readonly method: 'get' | 'post' | 'delete';
  /** Below `/api/v1`, with parameters as OpenAPI writes them: `/runs/{id}`. */
  readonly path: string;
  /** The operation's id in the document. */
  readonly id: string;
  readonly summary: string;
  readonly who: W;
  readonly params?: z.ZodObject & z.ZodType<P>;
  readonly query?: z.ZodObject & z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly answer: z.ZodType<A>;
  readonly status?: 200 | 201;
  readonly handle: (ask: Ask<W, P, Q, B>) => Promise<A>;
}

export interface Ask<W extends Who, P, Q, B> {
  readonly deps: ServerDeps;
  readonly caller: CallerOf<W>;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The same for every repetition of one POST: made of the caller and its `Idempotency-Key`; null without one. */
  readonly repetition: string | null;
}

/** What arrived, unparsed. */
export interface RawAsk {
  readonly deps: ServerDeps;
  readonly caller: unknown;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly repetition: string | null;
}

export interface Route {
  readonly spec: Pick<
    RouteSpec<Who, unknown, unknown, unknown, unknown>,
    'method' | 'path' | 'id' | 'summary' | 'who' | 'params' | 'query' | 'body' | 'answer'
  >;
  readonly status: 200 | 201;
  readonly answer: (ask: RawAsk) => Promise<unknown>;
}

const nothing = z.strictObject({});

export function defineRoute<W extends Who, P, Q, B, A>(spec: RouteSpec<W, P, Q, B, A>): Route {
  return {
    spec,
    status: spec.status ?? 200,
    answer: (ask) =>
      spec.handle({
        deps: ask.deps,
        // The mount has checked who it is against `spec.who`.
        caller: ask.caller as CallerOf<W>,
        params: parseInput((spec.params ?? nothing) as z.ZodType<P>, ask.params, 'path'),
        query: parseInput((spec.query ?? nothing) as z.ZodType<Q>, ask.query, 'query'),
        body: parseInput((spec.body ?? z.undefined()) as z.ZodType<B>, ask.body, 'body'),
        repetition: ask.repetition,
      }),
  };
}
