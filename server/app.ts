import express from 'express';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { Refusal } from '../core/index.ts';
import type { ServerDeps } from './deps.ts';
import { hostCheck } from './host-check.ts';
import { mountRoutes } from './mount.ts';
import { isUnforeseen, toProblem } from './problem.ts';
import { bodyError } from './read-body.ts';
import { createRoutes } from './routes/index.ts';

/** The API as an Express application; it never listens. */
export function createApp(deps: ServerDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use(plainHeaders, hostCheck(deps.hosts));
  app.use('/api/v1', mountRoutes(createRoutes(deps.version), deps));
  app.use(nowhere);
  app.use(problems(deps.onError));
  return app;
}

const plainHeaders: RequestHandler = (_request, response, next) => {
  response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', 'Content-Security-Policy': "default-src 'none'" });
  next();
};

const nowhere: RequestHandler = (request) => {
  throw new Refusal('not_found', 'route_unknown', `There is no ${request.method} ${request.path.slice(0, 200)}.`, {
    hint: 'See /api/v1/openapi.json.',
  });
};

function problems(onError: (error: unknown) => void): ErrorRequestHandler {
  return function answerProblem(thrown, _request, response, next) {
    const error = bodyError(thrown);
    if (isUnforeseen(error)) onError(error);
    if (response.headersSent) return next(error);
    const problem = toProblem(error);
    if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer');
    if (problem.status === 503) response.set('Retry-After', '2');
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  };
}
