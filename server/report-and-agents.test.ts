import { afterAll, beforeAll, expect, it } from 'vitest';
import { canonical, completeLimits, decide, LEASE, stepKey } from '../core/index.ts';
import type { CallRequest, Digest, Micros } from '../core/index.ts';
import { addGaps, claim, createRun } from '../ledger/index.ts';
import { LEDGER_MILLIS, TOKENS, ask, startTestServer } from './test-server.fixture.ts';
import type { TestServer } from './test-server.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, LEDGER_MILLIS);
afterAll(() => server.close());

/** A run of `saga` that was started elsewhere, and one call of it that no policy permits. */
async function adoptedCall(id: string, mode: 'enforce' | 'observe'): Promise<string | undefined> {
  await createRun(server.db, {
    id,
    agent: 'saga',
    workflow: 'saga',
    requesters: [],
    labels: {},
    limits: completeLimits({}),
    workflowId: id,
    taskQueue: 'q',
    input: canonical(null),
    mode,
    adopted: { firstRunId: `${id}-1`, admission: 'hold' },
  });
  const denial = { code: 'policy_silent', message: 'No policy permits it.', policies: [], by: null, askAgain: false } as const;
  const request: CallRequest = {
    key: stepKey('', 1),
    action: 'card.charge',
    execution: { workflowId: id, runId: `${id}-1` },
    token: `token-${id}`,
    argsDigest: id as Digest,
    digest: id as Digest,
    input: canonical({}),
    facts: null,
    idempotent: false,
    worst: 0 as Micros,
    ruling: { kind: 'deny', denial, policySet: 'set' },
    shown: { title: 'Charge', fields: [], evidence: [] },
    edit: null,
    freshHold: `hold-${id}`,
    lease: LEASE,
  };
  const verdict = await claim(server.db, id, request, decide);
  return verdict?.kind === 'hold' ? verdict.hold.id : undefined;
}

it('the report says what would have been, how often, and what passed without a record', async () => {
  await Promise.all([adoptedCall('run-o1', 'observe'), adoptedCall('run-o2', 'observe')]);
  await addGaps(server.db, [
    { kind: 'no_header', action: 'mail.send', count: 2 },
    { kind: 'ledger_away', action: 'card.charge', count: 1 },
  ]);
  await addGaps(server.db, [{ kind: 'no_header', action: 'mail.send', count: 1 }]);
  const { body } = await ask(server, '/report', { token: TOKENS.bot });
  expect(body).toMatchObject({
    totals: { calls: 2, runs: 2, agents: 1 },
    findings: [{ agent: 'saga', action: 'card.charge', verdict: 'deny', what: 'policy_silent', calls: 2, runs: 2, asks: [], policies: [] }],
    gaps: [
      { kind: 'no_header', action: 'mail.send', count: 3 },
      { kind: 'ledger_away', action: 'card.charge', count: 1 },
    ],
    observing: ['saga'],
    unanswered: ['saga'],
  });
  expect((await ask(server, '/report?agent=other', { token: TOKENS.bot })).body).toMatchObject({ findings: [], totals: { calls: 0 } });
  expect((await ask(server, '/report?since=-1', { token: TOKENS.bot })).body).toMatchObject({ code: 'request_invalid' });
});

it('an answer for an agent is given by an operator, listed, and taken back by one', async () => {
  const hold = await adoptedCall('run-a1', 'enforce');
  const admit = { choice: 'admit', version: 1 };
  expect(await ask(server, `/holds/${hold}/decide`, { token: TOKENS.ben, body: admit })).toMatchObject({ body: { code: 'not_eligible' } });
  expect(await ask(server, `/holds/${hold}/decide`, { token: TOKENS.ada, body: admit })).toMatchObject({ body: { state: 'granted' } });
  const listed = async () =>
    (await ask(server, '/agents', { token: TOKENS.bot })).body.items.find(({ agent }: { agent: string }) => agent === 'saga');
  expect(await listed()).toMatchObject({ answer: { answer: 'admitted', by: 'person:ada' }, adopted: 3, observed: 2 });
  expect(await adoptedCall('run-a2', 'enforce')).toBeUndefined();

  const revoke = (token: string, agent = 'saga') =>
    ask(server, `/agents/${agent}/revoke`, { token, body: { reason: 'the team has changed' } });
  expect(await revoke(TOKENS.ben)).toMatchObject({ status: 403 });
  expect(await revoke(TOKENS.ada)).toMatchObject({ status: 200, body: { agent: 'saga', revoked: true } });
  expect(await revoke(TOKENS.ada)).toMatchObject({ status: 404, body: { code: 'agent_unanswered' } });
  expect(await listed()).toMatchObject({ answer: null });
  expect(await adoptedCall('run-a3', 'enforce')).toBe('hold-run-a3');
  expect(
    (await ask(server, '/audit', { token: TOKENS.bot })).body.items.map(({ text }: { text: string }) => JSON.parse(text).kind),
  ).toEqual(expect.arrayContaining(['agent.admitted', 'agent.revoked']));
});
