import { z } from 'zod';
import type { ZodType } from 'zod';
import { openApiDocument } from '../openapi.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { actionRoutes } from './actions.ts';
import { agentRoutes } from './agents.ts';
import { auditRoutes } from './audit.ts';
import { healthRoutes } from './health.ts';
import { holdRoutes } from './holds.ts';
import { policyRoutes } from './policies.ts';
import { reportRoutes } from './report.ts';
import { runControlRoutes } from './run-control.ts';
import { runRoutes } from './runs.ts';
import { tokenRoutes } from './tokens.ts';

/** Every route of `/api/v1`, the document of them all included. */
export function createRoutes(version: string): readonly Route[] {
  const routes: readonly Route[] = [
    ...healthRoutes,
    ...reportRoutes,
    ...agentRoutes,
    ...runRoutes,
    ...runControlRoutes,
    ...holdRoutes,
    ...actionRoutes,
    ...policyRoutes,
    ...tokenRoutes,
    ...auditRoutes,
    defineRoute({
      method: 'get',
      path: '/openapi.json',
      id: 'readOpenApi',
      summary: 'This API as an OpenAPI 3.1 document.',
      who: 'anyone',
      answer: z.record(z.string(), z.unknown()) as ZodType<object>,
      handle: async () => document(),
    }),
  ];
  let made: object | null = null;
  const document = (): object => (made ??= openApiDocument(routes, version));
  return routes;
}
