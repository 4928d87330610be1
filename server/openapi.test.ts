import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRoutes } from './index.ts';
import { LEDGER_MILLIS, TOKENS, ask, documented, startTestServer } from './test-server.fixture.ts';
import type { TestServer } from './test-server.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, LEDGER_MILLIS);
afterAll(() => server.close());

it('documents every route, and answers as documented', async () => {
  const { body: document } = await ask(server, '/openapi.json');
  expect(document.openapi).toBe('3.1.0');
  for (const { spec } of createRoutes('0'))
    expect(document.paths[spec.path]?.[spec.method]?.operationId, `${spec.method} ${spec.path}`).toBe(spec.id);
  const operations = Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((item) =>
    Object.values(item).map((one) => one.operationId),
  );
  expect(operations).toHaveLength(createRoutes('0').length);
  expect(new Set(operations).size).toBe(operations.length);

  const check = documented(document);
  const run = await server.run();
  const hold = await server.held(run);
  const ada = { token: TOKENS.ada };
  check('listRuns', await ask(server, '/runs', ada));
  check('showRun', await ask(server, `/runs/${run}`, ada));
  check('showRun', await ask(server, '/runs/run-nobody', ada));
  check('listHolds', await ask(server, '/holds', ada));
  check('decideHold', await ask(server, `/holds/${hold}/decide`, { ...ada, body: { choice: 'approve', version: 1 } }));
  check('showHold', await ask(server, `/holds/${hold}`, ada));
  check('startRun', await ask(server, '/runs', { ...ada, body: { workflow: 'w', agent: 'a' } }));
  check('startRun', await ask(server, '/runs', { ...ada, body: {} }));
  check('raiseRun', await ask(server, `/runs/${run}/raise`, { ...ada, body: { raise: { steps: 1 }, reason: 'r' } }));
  check('killRun', await ask(server, `/runs/${run}/kill`, { ...ada, body: { reason: 'r' } }));
  check('killRuns', await ask(server, '/runs/kill', { ...ada, body: { filter: { agent: 'nobody' }, expected: 0, reason: 'r' } }));
  check('listActions', await ask(server, '/actions', ada));
  check('listPolicies', await ask(server, '/policies', ada));
  check('explainPolicy', await ask(server, '/policies/explain', { ...ada, body: { action: 'git.push', input: {} } }));
  check('createToken', await ask(server, '/tokens', { ...ada, body: { agent: 'b' } }));
  check('listTokens', await ask(server, '/tokens', ada));
  check('revokeToken', await ask(server, '/tokens/token-ben', { ...ada, method: 'DELETE' }));
  check('readRunAudit', await ask(server, `/runs/${run}/audit`, ada));
  check('verifyRunAudit', await ask(server, `/runs/${run}/audit/verify`, ada));
  check('readAudit', await ask(server, '/audit', ada));
  check('verifyAudit', await ask(server, '/audit/verify', ada));
  check('readHealth', await ask(server, '/health'));
});

it('is an OpenAPI 3.1 document whose references and schemas are sound', async () => {
  const { body: document } = await ask(server, '/openapi.json');
  const text = JSON.stringify(document);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g))
    expect(document.components.schemas, name).toHaveProperty(name ?? '');
  const ajv = new Ajv2020({ strict: false, logger: false });
  ajv.addSchema({ $id: 'doc', ...document });
  for (const name of Object.keys(document.components.schemas))
    expect(() => ajv.compile({ $ref: `doc#/components/schemas/${name}` }), name).not.toThrow();
  for (const [path, item] of Object.entries<any>(document.paths)) {
    for (const operation of Object.values<any>(item)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const stated = (operation.parameters ?? []).filter((one: any) => one.in === 'path').map((one: any) => one.name);
      expect(stated, path).toEqual(named);
      expect(operation.responses.default.content).toHaveProperty(['application/problem+json']);
    }
  }
});
