import { z } from 'zod';
import { createDocument } from 'zod-openapi';
import type { ZodOpenApiOperationObject } from 'zod-openapi';
import type { Problem } from '../core/index.ts';
import type { Route } from './route.ts';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().describe('Stable; scripts rely on it.'),
    detail: z.string(),
    hint: z.string().nullable().describe('What to do next.'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Problem', description: 'RFC 9457.' }) satisfies z.ZodType<Problem>;

/** The OpenAPI 3.1 document of the routes: the same schemas that parse the requests. */
export function openApiDocument(routes: readonly Route[], version: string): ReturnType<typeof createDocument> {
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const route of routes) {
    paths[route.spec.path] = { ...paths[route.spec.path], [route.spec.method]: operation(route) };
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Holdpoint',
      version,
      description: 'Instants are milliseconds since the epoch, durations milliseconds, money micro-USD.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }],
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  });
}

function operation({ spec, status }: Route): ZodOpenApiOperationObject {
  const header =
    spec.method === 'post'
      ? z.object({ 'Idempotency-Key': z.string().max(200).optional().describe('The same key and request give the same answer, for 24 h.') })
      : undefined;
  return {
    operationId: spec.id,
    summary: spec.summary,
    ...(spec.who === 'anyone' ? { security: [] } : {}),
    requestParams: {
      ...(spec.params === undefined ? {} : { path: spec.params }),
      ...(spec.query === undefined ? {} : { query: spec.query }),
      ...(header === undefined ? {} : { header }),
    },
    ...(spec.body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: spec.body } } } }),
    responses: {
      [String(status)]: { description: 'Done.', content: { 'application/json': { schema: spec.answer } } },
      default: { description: 'Refused or failed.', content: { 'application/problem+json': { schema: problem } } },
    },
  };
}
