import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findToken } from '../ledger/index.ts';
import { hashToken } from './index.ts';
import { LEDGER_MILLIS, TOKENS, ask, startTestServer } from './test-server.fixture.ts';
import type { TestServer } from './test-server.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, LEDGER_MILLIS);
afterAll(() => server.close());

const decide = (hold: string, token: string, body: object) => ask(server, `/holds/${hold}/decide`, { token, body });
const approve = { choice: 'approve', version: 1 };

describe('holds', () => {
  it('are listed open first-hand, with all that scripts rely on', async () => {
    const run = await server.run();
    const id = await server.held(run);
    const { body } = await ask(server, `/holds?run=${run}`, { token: TOKENS.bot });
    expect(body.items).toMatchObject([
      {
        id,
        run,
        kind: 'approval',
        action: 'git.push',
        digest: 'a'.repeat(64),
        reason: 'A tag goes out',
        state: 'open',
        version: 1,
        votes: [],
        requires: [{ policy: 'release-tag', approvers: 'release-managers', quorum: 1 }],
        decideBy: expect.any(Number),
        choices: ['approve', 'deny'],
        shown: { title: 'v1 → origin' },
        ended: null,
      },
    ]);
    await decide(id, TOKENS.ada, approve);
    expect((await ask(server, `/holds?run=${run}`, { token: TOKENS.bot })).body.items).toEqual([]);
    expect((await ask(server, `/holds?run=${run}&state=all`, { token: TOKENS.bot })).body.items).toMatchObject([{ id, state: 'granted' }]);
    expect((await ask(server, `/holds?run=${run}&state=all&kind=breaker`, { token: TOKENS.bot })).body.items).toEqual([]);
  });

  it('are decided by an eligible person, once, and the first decision wins', async () => {
    const hold = await server.held(await server.run());
    expect(await decide(hold, TOKENS.bot, approve)).toMatchObject({ status: 403, body: { code: 'machine_cannot_decide' } });
    expect(await decide(hold, TOKENS.gone, approve)).toMatchObject({ status: 403, body: { code: 'not_eligible' } });
    expect(await decide(hold, TOKENS.ben, { ...approve, version: 2 })).toMatchObject({ status: 409, body: { code: 'hold_changed' } });
    expect(await decide(hold, TOKENS.ben, { choice: 'deny', version: 1 })).toMatchObject({ status: 400, body: { code: 'note_required' } });
    expect(await decide(hold, TOKENS.ben, { choice: 'raise', version: 1 })).toMatchObject({
      status: 400,
      body: { code: 'choice_unknown' },
    });
    expect(await decide(hold, TOKENS.ben, { choice: 'deny', version: 1, note: 'not today' })).toMatchObject({
      status: 200,
      body: { state: 'denied', ended: { by: ['person:ben'], note: 'not today' } },
    });
    expect(await decide(hold, TOKENS.ada, approve)).toMatchObject({ status: 409, body: { code: 'hold_closed' } });
  });

  it('are not decided by who asked for the run', async () => {
    const hold = await server.held(await server.run({ requesters: ['agent:release-bot', 'person:ada'] }));
    expect(await decide(hold, TOKENS.ada, approve)).toMatchObject({ status: 403, body: { code: 'requester_decides' } });
    expect(await decide(hold, TOKENS.ben, approve)).toMatchObject({ status: 200, body: { state: 'granted' } });
  });

  it('are edited within what action and policy allow', async () => {
    const hold = await server.held(await server.run());
    expect(await decide(hold, TOKENS.ada, { ...approve, edit: { tag: 5 } })).toMatchObject({ status: 400, body: { code: 'edit_invalid' } });
    expect(await decide(hold, TOKENS.ada, { ...approve, edit: { remote: 'x' } })).toMatchObject({
      status: 403,
      body: { code: 'edit_not_allowed' },
    });
    expect(await decide(hold, TOKENS.ada, { ...approve, edit: { tag: 'v2' } })).toMatchObject({
      status: 200,
      body: { state: 'granted', version: 2, edit: { by: 'person:ada', changes: { tag: 'v2' } } },
    });
  });

  it('answer a repeated decision with the first answer', async () => {
    const hold = await server.held(await server.run());
    const send = () => ask(server, `/holds/${hold}/decide`, { token: TOKENS.ada, body: approve, headers: { 'Idempotency-Key': 'once' } });
    const first = await send();
    expect(first.status).toBe(200);
    expect(await send()).toMatchObject({ status: 200, body: first.body });
  });

  it('refuse unknown ids, choices and fields', async () => {
    expect(await ask(server, '/holds/hold-nobody', { token: TOKENS.ada })).toMatchObject({ status: 404, body: { code: 'hold_unknown' } });
    expect(await decide('hold-nobody', TOKENS.ada, approve)).toMatchObject({ status: 404, body: { code: 'hold_unknown' } });
    expect((await decide('hold-x', TOKENS.ada, { choice: 'allow', version: 1 })).body.detail).toContain(
      '"choice" must be one of approve, deny',
    );
    expect(await decide('hold-x', TOKENS.ada, { ...approve, approver: 'person:ben' })).toMatchObject({
      status: 400,
      body: { detail: 'The body has no field "approver".' },
    });
  });
});

describe('tokens', () => {
  it('are made for oneself, or for an agent by an operator, and shown once', async () => {
    const make = (token: string, body: object) => ask(server, '/tokens', { token, body });
    const made = await make(TOKENS.ada, { agent: 'other-bot', name: 'ci' });
    expect(made).toMatchObject({
      status: 201,
      body: { principal: 'agent:other-bot', kind: 'machine', name: 'ci', token: expect.any(String) },
    });
    expect(await findToken(server.db, hashToken(made.body.token))).toMatchObject({ principal: 'agent:other-bot' });
    expect(await make(TOKENS.ben, { person: 'ben' })).toMatchObject({ status: 201, body: { principal: 'person:ben', kind: 'person' } });
    expect(await make(TOKENS.ada, { person: 'ben' })).toMatchObject({ status: 403, body: { code: 'token_of_another' } });
    expect(await make(TOKENS.ben, { agent: 'other-bot' })).toMatchObject({ status: 403, body: { code: 'operator_required' } });
    expect(await make(TOKENS.bot, { agent: 'release-bot' })).toMatchObject({ status: 403, body: { code: 'machine_token' } });
    expect(await make(TOKENS.ada, { agent: 'a', person: 'ada' })).toMatchObject({ status: 400 });
    expect(await make(TOKENS.ada, {})).toMatchObject({ status: 400 });
    const listed = await ask(server, '/tokens', { token: TOKENS.ben });
    expect(JSON.stringify(listed.body)).not.toContain(made.body.token);
    expect(listed.body.items).toContainEqual(expect.objectContaining({ id: made.body.id, revokedAt: null }));
  });

  it('no longer work once revoked', async () => {
    const made = await ask(server, '/tokens', { token: TOKENS.ben, body: { person: 'ben' } });
    const revoke = (id: string, token: string) => ask(server, `/tokens/${id}`, { token, method: 'DELETE' });
    expect(await revoke('token-ada', TOKENS.ben)).toMatchObject({ status: 403, body: { code: 'operator_required' } });
    expect(await revoke(made.body.id, TOKENS.ben)).toMatchObject({ status: 200, body: { revokedAt: expect.any(Number) } });
    expect(await ask(server, '/runs', { token: made.body.token })).toMatchObject({ status: 401, body: { code: 'token_unknown' } });
    expect(await revoke(made.body.id, TOKENS.ada)).toMatchObject({ status: 409, body: { code: 'token_revoked' } });
    expect(await revoke('nobody', TOKENS.ada)).toMatchObject({ status: 404, body: { code: 'token_id_unknown' } });
  });
});

describe('actions and policies', () => {
  it('are shown to any token', async () => {
    expect((await ask(server, '/actions', { token: TOKENS.bot })).body.items).toMatchObject([{ action: 'git.push', editable: ['tag'] }]);
    expect((await ask(server, '/policies', { token: TOKENS.bot })).body).toEqual({ hash: 'abc', policies: [] });
  });

  it('are explained for a call, and the action that was meant is named', async () => {
    const explain = (body: object) => ask(server, '/policies/explain', { token: TOKENS.bot, body });
    expect((await explain({ action: 'git.push', input: {} })).body).toEqual({ asked: 'git.push', agent: 'release-bot' });
    expect(await explain({ action: 'git.psuh', input: {} })).toMatchObject({
      status: 404,
      body: { code: 'action_unknown', hint: 'Did you mean "git.push"?' },
    });
    expect(await explain({ action: 'git.push' })).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
  });
});
