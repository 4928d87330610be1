import { Router } from 'express';
import type { Request, RequestHandler } from 'express';
import { Refusal } from '../core/index.ts';
import { authenticate, requireOperator, requirePerson } from './caller.ts';
import type { Caller, Who } from './caller.ts';
import type { ServerDeps } from './deps.ts';
import { createOnce, repetitionKey } from './idempotency.ts';
import { bodyBytes, bodyJson, bodyText } from './read-body.ts';
import type { Route } from './route.ts';

/** Routes on a router: who asks, then the body, then the answer; other methods of a known path are named as such. */
export function mountRoutes(routes: readonly Route[], deps: ServerDeps): Router {
  const router = Router({ caseSensitive: true });
  const once = createOnce();
  for (const route of routes) {
    const answer: RequestHandler = async (request, response) => {
      const caller = request.res?.locals['caller'] as Caller | null;
      const text = bodyText(request);
      const key = request.headers['idempotency-key'];
      const repetition =
        route.spec.method === 'post' && caller !== null && typeof key === 'string' ? repetitionKey(caller.principal, key) : null;
      const work = async () => ({
        status: route.status,
        body: await route.answer({ deps, caller, params: request.params, query: request.query, body: bodyJson(text), repetition }),
      });
      const said =
        repetition === null
          ? { ...(await work()), replayed: false }
          : await once({ db: deps.db, key: repetition, request: `${request.method} ${request.originalUrl}\n${text}` }, work);
      if (said.replayed) response.set('Idempotent-Replayed', 'true');
      response.status(said.status).json(said.body);
    };
    router[route.spec.method](expressPath(route.spec.path), identify(route.spec.who, deps), bodyBytes, answer);
  }
  for (const path of new Set(routes.map((route) => route.spec.path))) {
    const allowed = routes.filter((route) => route.spec.path === path).map((route) => route.spec.method.toUpperCase());
    router.all(expressPath(path), otherMethod(allowed));
  }
  return router;
}

function identify(who: Who, deps: ServerDeps): RequestHandler {
  return async function identifyCaller(request, response, next) {
    response.locals['caller'] = who === 'anyone' ? null : await permitted(who, deps, request);
    next();
  };
}

async function permitted(who: Exclude<Who, 'anyone'>, deps: ServerDeps, request: Request): Promise<Caller> {
  const caller = await authenticate(deps.db, request.headers.authorization);
  if (who === 'reader') return caller;
  return who === 'person' ? requirePerson(caller, deps.directory()) : requireOperator(caller, deps.directory());
}

function otherMethod(allowed: readonly string[]): RequestHandler {
  return function refuseMethod(request, response) {
    response.set('Allow', allowed.join(', '));
    throw new Refusal('invalid', 'method_not_allowed', `${request.method} is not a method of this path; it has ${allowed.join(', ')}.`);
  };
}

function expressPath(path: string): string {
  return path.replace(/\{(\w+)\}/g, ':$1');
}
