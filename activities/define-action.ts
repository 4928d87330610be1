import type { z } from 'zod';
import type { Micros, Millis } from '../core/index.ts';
import type { ActionAnnotations } from '../core/index.ts';

/** A note for the approver's card beside the facts: commits, a difference, a link. At most 3,000 characters a text. */
export interface Evidence {
  readonly title: string;
  readonly text: string;
}

/** What `resolve` found: facts enter policy, card and digest; evidence only the card. */
export interface Resolved<Facts> {
  readonly facts: Facts;
  readonly evidence?: readonly Evidence[];
}

export interface ResolveContext {
  /** Aborted when the gate stops waiting for facts, after 5 s. */
  readonly signal: AbortSignal;
}

export interface ActionContext<Facts> {
  readonly facts: Facts;
  /** The same for every attempt of one call, and for no other call: `run id` + step key. */
  readonly idempotencyKey: string;
  /** Aborted on cancellation, kill, time-out, or loss of the claim. */
  readonly signal: AbortSignal;
  readonly deadline: Date;
  readonly run: { readonly id: string; readonly agent: string };
  readonly log: ActionLog;
  /** Resolves a `secret:NAME` reference of the input; throws `SecretMissing` where the worker has none. */
  secret(reference: string): string;
  /** Reports what the call has cost so far, in micro-USD; the last report stands. Unreported = the worst case. */
  cost(amount: Micros): void;
}

export interface ActionLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** What a developer states of one action. */
export interface ActionDefinition<I extends z.ZodType, O extends z.ZodType, F extends z.ZodType> {
  /** One line, for people. */
  readonly summary: string;
  readonly input: I;
  readonly output: O;
  readonly annotations: ActionAnnotations;
  /** What an approver reads first: `v1.2.0 → origin`. Default: the summary. */
  readonly title?: (input: z.output<I>) => string;
  readonly facts?: F;
  /** Reads, and only reads, what the arguments stand for. Up to 5 s. */
  readonly resolve?: (input: z.output<I>, context: ResolveContext) => Promise<Resolved<z.output<F>>>;
  /** The most that one attempt can cost. Default: nothing. */
  readonly cost?: { readonly worst: (input: z.output<I>) => Micros };
  /** Dotted paths of fields that hold `secret:NAME` references. */
  readonly secrets?: readonly string[];
  /** Top-level fields that an approver may change before approving. */
  readonly editable?: readonly (keyof z.input<I> & string)[];
  /** How long `run` may take. Default 60 s. */
  readonly timeout?: Millis;
  /** Attempts of an idempotent action whose run throws. Default 3; others have one. */
  readonly attempts?: number;
  /** The effect. Throw `NothingHappened` to say that there was none. */
  readonly run: (input: z.output<I>, context: ActionContext<z.output<F>>) => Promise<z.input<O>>;
}

/** An action as the gate holds it. The type parameters serve `proxyActions`. */
export interface Action<
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
  F extends z.ZodType = z.ZodType,
> extends ActionDefinition<I, O, F> {
  readonly kind: 'holdpoint.action';
  /** Set by `governActivities`: the parameters' names, in order, and the failures by which it says that it did nothing. */
  readonly positional?: { readonly names: readonly string[]; readonly declines: readonly string[] };
}

/** A tree of actions, as a module's exports: `{ git: { push, log }, http: { get } }`. */
export interface ActionTree {
  readonly [name: string]: Action<any, any, any> | ActionTree;
}

/** Declares an action. What it states is checked when the worker starts, not here. */
export function defineAction<I extends z.ZodType, O extends z.ZodType, F extends z.ZodType = z.ZodUndefined>(
  definition: ActionDefinition<I, O, F>,
): Action<I, O, F> {
  return { ...definition, kind: 'holdpoint.action' };
}

/** Thrown by `run` to say that no effect took place, so that the call may run again without a person. */
export class NothingHappened extends Error {
  override readonly name = 'NothingHappened';
}
