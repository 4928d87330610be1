import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fenceRuns, findRun } from '../ledger/index.ts';
import { LEDGER_MILLIS, TOKENS, ask, startTestServer } from './test-server.fixture.ts';
import type { TestServer } from './test-server.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, LEDGER_MILLIS);
afterAll(() => server.close());

const ada = { token: TOKENS.ada };
const bot = { token: TOKENS.bot };

describe('starting a run', () => {
  it('answers with the run, its limits filled in', async () => {
    const answer = await ask(server, '/runs', {
      ...ada,
      body: { workflow: 'release', agent: 'release-bot', input: { repo: 'r' }, limits: { steps: 7 }, labels: { env: 'test' } },
    });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      agent: 'release-bot',
      workflow: 'release',
      state: 'running',
      mode: 'enforce',
      requesters: ['agent:release-bot'],
      labels: { env: 'test' },
      steps: { used: 0, limit: 7 },
      spend: { settled: 0, reserved: 0, overrun: 0, limit: 5_000_000 },
    });
    expect((await findRun(server.db, answer.body.id))?.input).toBe('{"repo":"r"}');
  });

  it('counts the person among the requesters if they say so, and always where the server is not their own machine', async () => {
    const start = { workflow: 'release', agent: 'release-bot' };
    expect((await ask(server, '/runs', { ...ada, body: { ...start, asMe: true } })).body.requesters).toEqual([
      'agent:release-bot',
      'person:ada',
    ]);
    const production = await server.also({ starter: 'person' });
    expect((await ask(production, '/runs', { ...ada, body: start })).body.requesters).toEqual(['agent:release-bot', 'person:ada']);
    await production.close();
  });

  it('lets a machine start runs as its own agent alone', async () => {
    expect((await ask(server, '/runs', { ...bot, body: { workflow: 'release' } })).body).toMatchObject({
      agent: 'release-bot',
      requesters: ['agent:release-bot'],
    });
    expect(await ask(server, '/runs', { ...bot, body: { workflow: 'release', agent: 'other' } })).toMatchObject({
      status: 403,
      body: { code: 'agent_foreign' },
    });
  });

  it("counts whoever made an agent's token among the requesters, so that nobody decides what they asked for through it", async () => {
    const production = await server.also({ starter: 'person' });
    const made = await ask(production, '/tokens', { ...ada, body: { agent: 'release-bot' } });
    const started = await ask(production, '/runs', { token: made.body.token, body: { workflow: 'release' } });
    expect(started.body.requesters).toEqual(['agent:release-bot', 'person:ada']);
    await production.close();
  });

  it('needs an agent from a person', async () => {
    expect(await ask(server, '/runs', { ...ada, body: { workflow: 'release' } })).toMatchObject({
      status: 400,
      body: { code: 'agent_missing' },
    });
  });

  it('answers a repeated Idempotency-Key as the first time, and starts nothing twice', async () => {
    const before = server.started.length;
    const send = (key: string, body: object, token: string = TOKENS.ada) =>
      ask(server, '/runs', { token, body, headers: { 'Idempotency-Key': key } });
    const body = { workflow: 'release', agent: 'release-bot' };
    const [first, ...others] = await Promise.all([send('k1', body), send('k1', body), send('k1', body)]);
    expect(others.map((answer) => answer.body)).toEqual([first.body, first.body]);
    expect((await send('k1', body)).headers.get('idempotent-replayed')).toBe('true');
    expect(server.started).toHaveLength(before + 1);
    expect(await send('k1', { ...body, workflow: 'other' })).toMatchObject({ status: 409, body: { code: 'idempotency_key_reused' } });
    expect((await send('k1', { workflow: 'release' }, TOKENS.bot)).body.id).not.toBe(first.body.id);
    expect(await send('a b', body)).toMatchObject({ status: 400, body: { code: 'idempotency_key_invalid' } });
  });

  it('checks a chain whole before anything starts', async () => {
    const before = server.started.length;
    const chain = (steps: unknown) => ask(server, '/runs', { ...ada, body: { workflow: 'chain', agent: 'release-bot', input: { steps } } });
    expect(await chain([{ id: 'a', action: 'git.psuh', input: {} }])).toMatchObject({
      status: 400,
      body: { code: 'chain_action_unknown' },
    });
    expect(
      await chain([
        { id: 'a', action: 'git.push', input: { tag: '${{ steps.b.ref }}' } },
        { id: 'b', action: 'git.push', input: { tag: 'v1' } },
      ]),
    ).toMatchObject({ status: 400, body: { code: expect.stringMatching(/^chain_/) } });
    expect(await chain([])).toMatchObject({ status: 400, body: { code: 'chain_invalid' } });
    expect(server.started).toHaveLength(before);
    expect((await chain([{ id: 'a', action: 'git.push', input: { tag: 'v1' } }])).status).toBe(201);
  });
});

describe('reading runs', () => {
  it('shows calls and holds with the run', async () => {
    const run = await server.run();
    const hold = await server.held(run);
    const { body } = await ask(server, `/runs/${run}`, bot);
    expect(body).toMatchObject({
      id: run,
      state: 'held',
      openHolds: 1,
      calls: [{ action: 'git.push', state: 'asked', verdict: 'hold', attempts: 0, spend: 0, hold }],
      holds: [{ id: hold, run }],
    });
    expect(await ask(server, '/runs/run-nobody', bot)).toMatchObject({ status: 404, body: { code: 'run_unknown' } });
  });

  it('lists them page by page, newest first, and by field', async () => {
    const agent = 'lister';
    const ids = [await server.run({ agent }), await server.run({ agent }), await server.run({ agent })];
    await server.held(ids[1] ?? '');
    const first = await ask(server, '/runs?agent=lister&limit=2', ada);
    const second = await ask(server, `/runs?agent=lister&limit=2&cursor=${first.body.next}`, ada);
    expect([...first.body.items, ...second.body.items].map((run: { id: string }) => run.id)).toEqual(ids.toReversed());
    expect(second.body.next).toBeNull();
    expect((await ask(server, '/runs?agent=lister&state=held', ada)).body.items).toMatchObject([{ id: ids[1] }]);
    expect((await ask(server, '/runs?agent=nobody', ada)).body.items).toEqual([]);
  });

  it('shows the audit chain and whether it holds', async () => {
    const run = await server.run();
    await server.held(run);
    const { body } = await ask(server, `/runs/${run}/audit`, bot);
    expect(body.items.map((row: { text: string }) => JSON.parse(row.text).kind)).toEqual(['run.created', 'call.held']);
    expect((await ask(server, `/runs/${run}/audit?limit=1`, bot)).body.next).toBe('1');
    expect((await ask(server, `/runs/${run}/audit?limit=1&cursor=1`, bot)).body.items).toMatchObject([{ seq: 2 }]);
    expect((await ask(server, `/runs/${run}/audit/verify`, bot)).body).toEqual({ chain: run, rows: 2, brokenAt: null });
    expect((await ask(server, '/audit/verify', bot)).body).toMatchObject({ chain: 'installation', brokenAt: null });
    expect((await ask(server, '/audit', bot)).body.items.length).toBeGreaterThan(0);
  });
});

describe('killing runs', () => {
  it('fences a run for an operator or for who asked for it, with a reason', async () => {
    const run = await server.run({ requesters: ['agent:release-bot', 'person:ben'] });
    const kill = (id: string, token: string, body: object = { reason: 'loops' }) => ask(server, `/runs/${id}/kill`, { token, body });
    expect(await kill(run, TOKENS.bot)).toMatchObject({ status: 403, body: { code: 'machine_token' } });
    expect(await kill(run, TOKENS.gone)).toMatchObject({ status: 403, body: { code: 'person_unknown' } });
    expect(await kill(run, TOKENS.ben, { reason: ' ' })).toMatchObject({
      status: 400,
      body: { detail: '"reason" must say why; got " ".' },
    });
    expect(await kill(run, TOKENS.ben)).toMatchObject({
      status: 200,
      body: { state: 'killed', killed: { by: 'person:ben', reason: 'loops' } },
    });
    expect(await kill(run, TOKENS.ada)).toMatchObject({ status: 409, body: { code: 'run_killed' } });
    expect(await kill(await server.run(), TOKENS.ben)).toMatchObject({ status: 403, body: { code: 'operator_required' } });
    expect(await kill('run-nobody', TOKENS.ada)).toMatchObject({ status: 404, body: { code: 'run_unknown' } });
  });

  it('fences all that match, if they are as many as expected', async () => {
    const agent = 'looper';
    const ids = [await server.run({ agent }), await server.run({ agent })];
    await server.held(ids[0] ?? '');
    await fenceRuns(server.db, { runs: [await server.run({ agent })] }, { by: 'person:ada', reason: 'before' });
    const kill = (filter: object, expected: number, token: string = TOKENS.ada) =>
      ask(server, '/runs/kill', { token, body: { filter, expected, reason: 'stop' } });
    expect(await kill({ agent }, 3)).toMatchObject({ status: 409, body: { code: 'count_changed', data: { count: 2 } } });
    expect(await kill({}, 2)).toMatchObject({ status: 400 });
    expect(await kill({ agent }, 2, TOKENS.ben)).toMatchObject({ status: 403, body: { code: 'operator_required' } });
    expect((await kill({ agent, state: 'held' }, 1)).body.killed).toEqual([ids[0]]);
    expect((await kill({ agent }, 1)).body.killed).toEqual([ids[1]]);
    expect((await kill({ agent }, 0)).body.killed).toEqual([]);
  });
});

describe('raising limits', () => {
  const raise = (id: string, token: string, amounts: object = { steps: 10 }) =>
    ask(server, `/runs/${id}/raise`, { token, body: { raise: amounts, reason: 'worth it' } });

  it('raises what has not tripped, for operators who are no requesters', async () => {
    const run = await server.run();
    expect(await raise(run, TOKENS.bot)).toMatchObject({ status: 403, body: { code: 'machine_token' } });
    expect(await raise(run, TOKENS.ben)).toMatchObject({ status: 403, body: { code: 'operator_required' } });
    expect(await raise(run, TOKENS.ada, {})).toMatchObject({ status: 400 });
    expect(await raise(run, TOKENS.ada, { steps: 10, spend: 1_000_000 })).toMatchObject({
      status: 200,
      body: { steps: { limit: 110 }, spend: { limit: 6_000_000 } },
    });
    expect(await raise(await server.run({ requesters: ['person:ada'] }), TOKENS.ada)).toMatchObject({
      status: 403,
      body: { code: 'requester_decides' },
    });
  });

  it('decides the breaker hold where one is open', async () => {
    const run = await server.run();
    const hold = await server.tripped(run);
    expect(await raise(run, TOKENS.ben)).toMatchObject({ status: 403, body: { code: 'not_eligible' } });
    expect(await raise(run, TOKENS.ada)).toMatchObject({ status: 200, body: { steps: { limit: 110 }, openHolds: 0 } });
    expect((await ask(server, `/holds/${hold}`, bot)).body).toMatchObject({
      state: 'granted',
      action: null,
      ended: { choice: 'raise', note: 'worth it', by: ['person:ada'] },
    });
  });

  it('is refused for a run that has ended', async () => {
    const run = await server.run();
    await fenceRuns(server.db, { runs: [run] }, { by: 'person:ada', reason: 'x' });
    expect(await raise(run, TOKENS.ada)).toMatchObject({ status: 409, body: { code: 'run_killed' } });
  });
});
