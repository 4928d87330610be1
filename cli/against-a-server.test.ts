import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeRun, findHold, findRun } from '../ledger/index.ts';
import { LEDGER_MILLIS, TOKENS, startTestServer } from '../server/test-server.fixture.ts';
import type { TestServer } from '../server/test-server.fixture.ts';
import { say } from './shell.fixture.ts';
import type { Said } from './shell.fixture.ts';

let server: TestServer;
let cwd: string;
beforeAll(async () => {
  server = await startTestServer();
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-cli-'));
}, LEDGER_MILLIS);
afterAll(async () => {
  rmSync(cwd, { recursive: true });
  await server.close();
});

type Person = keyof typeof TOKENS;
const as =
  (person: Person) =>
  (...args: string[]): Promise<Said> =>
    say(args, { cwd, env: { HOLDPOINT_URL: server.url, HOLDPOINT_TOKEN: TOKENS[person] } });
const ada = as('ada');
const ben = as('ben');
const bot = as('bot');
const parsed = (said: Said): any => JSON.parse(said.out);

describe('runs', () => {
  it('are started, listed and shown', async () => {
    const started = await ada(
      'run',
      'start',
      'release',
      '--agent',
      'starter',
      '--input',
      '{"repo":"r"}',
      '--max-steps',
      '7',
      '--max-spend',
      '2.50',
      '--max-time',
      '30m',
      '--label',
      'env=test',
      '--json',
    );
    expect(started.code).toBe(0);
    const run = parsed(started);
    expect(run).toMatchObject({
      agent: 'starter',
      steps: { limit: 7 },
      spend: { limit: 2_500_000 },
      time: { limit: 1_800_000 },
      labels: { env: 'test' },
      requesters: ['agent:starter'],
    });
    expect((await findRun(server.db, run.id))?.input).toBe('{"repo":"r"}');
    expect(parsed(await ada('run', 'start', 'release', '--agent', 'starter', '--as-me', '--json')).requesters).toEqual([
      'agent:starter',
      'person:ada',
    ]);
    expect((await bot('run', 'list', '--filter', 'agent=starter')).out).toMatch(/^ID +AGENT +WORKFLOW +STATE/);
    const listed = parsed(await bot('run', 'list', '--filter', 'agent=starter state=running', '--json'));
    expect(listed).toHaveLength(2);
    expect(parsed(await bot('run', 'list', '--filter', 'agent=starter', '--sort', 'age', '--json'))).toMatchObject(
      listed.toReversed().map(({ id }: { id: string }) => ({ id })),
    );
    expect(parsed(await bot('run', 'show', run.id, '--json'))).toMatchObject({ id: run.id, mode: 'enforce', calls: [], holds: [] });
    expect((await bot('run', 'show', run.id)).out).toContain('No calls yet.');
  });

  it('end the command with the code that says why it failed', async () => {
    expect(await bot('run', 'show', 'run-nobody')).toMatchObject({
      code: 3,
      err: 'error: There is no run "run-nobody".\nhint: See: holdpoint run list',
    });
    expect((await ada('run', 'start', 'release')).code).toBe(2);
    expect((await bot('run', 'start', 'release', '--agent', 'other')).code).toBe(4);
    expect((await say(['run', 'list'], { cwd, env: { HOLDPOINT_URL: server.url } })).code).toBe(4);
    const problem = await say(['run', 'list', '--json'], { cwd, env: { HOLDPOINT_URL: server.url, HOLDPOINT_TOKEN: 'wrong' } });
    expect(problem.code).toBe(4);
    expect(parsed(problem)).toMatchObject({ code: 'token_unknown' });
  });

  it('are started from a chain that was checked whole', async () => {
    const chain = (text: string) => writeFileSync(join(cwd, 'chain.yaml'), text);
    chain('agent: chainer\nlimits: { steps: 3, spend: 0.5 }\nsteps:\n  - { id: push, action: git.psuh, input: { tag: v1 } }\n');
    const wrong = await ada('run', 'start', 'chain.yaml', '--json');
    expect(wrong.code).toBe(2);
    expect(parsed(wrong)).toMatchObject({ code: 'chain_action_unknown' });
    expect(parsed(await ada('run', 'list', '--filter', 'agent=chainer', '--json'))).toEqual([]);
    chain('agent: chainer\nlimits: { steps: 3, spend: 0.5 }\nsteps:\n  - { id: push, action: git.push, input: { tag: v1 } }\n');
    expect(parsed(await ada('run', 'start', 'chain.yaml', '--json'))).toMatchObject({
      agent: 'chainer',
      workflow: 'chain',
      steps: { limit: 3 },
      spend: { limit: 500_000 },
    });
    expect(parsed(await ada('run', 'start', 'chain.yaml', '--agent', 'other-bot', '--max-steps', '9', '--json'))).toMatchObject({
      agent: 'other-bot',
      steps: { limit: 9 },
    });
  });

  it('are watched until they end, and told by the exit code how', async () => {
    const run = await server.run();
    const hold = await server.held(run);
    const end = () => closeRun(server.db, run, 'succeeded', 'done');
    const watched = await say(['run', 'watch', run], { cwd, env: { HOLDPOINT_URL: server.url, HOLDPOINT_TOKEN: TOKENS.bot }, paused: end });
    expect(watched.code).toBe(0);
    expect(watched.out).toContain(`${run} held: 0 of 100 steps`);
    expect(watched.out).toContain(`holdpoint hold approve ${hold}`);
    expect(watched.out).toContain(`${run} succeeded`);
    const failed = await server.run();
    await closeRun(server.db, failed, 'failed', 'broke');
    const shown = await bot('run', 'watch', failed, '--json');
    expect(shown.code).toBe(1);
    expect(parsed(shown)).toMatchObject({ id: failed, state: 'failed' });
  });

  it('are killed one by one, or by a filter whose count was confirmed', async () => {
    const one = await server.run();
    expect((await bot('run', 'kill', one, '--reason', 'r')).code).toBe(4);
    expect(await ada('run', 'kill', one, '--reason', 'it loops')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Killed\. Nothing more[\s\S]*it loops[\s\S]*No call was in flight\.$/),
    });
    expect((await ada('run', 'kill', one, '--reason', 'again')).code).toBe(4);
    expect((await ada('run', 'kill', 'run-nobody', '--reason', 'r')).code).toBe(3);
    const agent = 'crowd';
    const [a, b] = [await server.run({ agent }), await server.run({ agent })];
    await server.held(a);
    const asked = await ada('run', 'kill', '--filter', 'agent=crowd', '--reason', 'r');
    expect(asked.code).toBe(4);
    expect(asked.out).toContain(a);
    expect(asked.err).toBe('error: 2 open runs match. Nothing was done.\nhint: Add --yes to kill them.');
    expect((await findRun(server.db, a))?.fence).toBeNull();
    expect(parsed(await ada('run', 'kill', '--filter', 'agent=crowd', '--reason', 'r', '--yes', '--json')).killed.toSorted()).toEqual(
      [a, b].toSorted(),
    );
  });

  it('are raised, which decides an open breaker hold', async () => {
    const run = await server.run();
    const hold = await server.tripped(run);
    expect((await ben('run', 'raise', run, '--steps', '5', '--reason', 'r')).code).toBe(4);
    expect(
      parsed(await ada('run', 'raise', run, '--steps', '5', '--spend', '1', '--time', '30m', '--reason', 'r', '--json')),
    ).toMatchObject({
      steps: { limit: 105 },
      spend: { limit: 6_000_000 },
      time: { limit: 5_400_000 },
    });
    expect((await findHold(server.db, hold))?.state).toMatchObject({ kind: 'granted', choice: 'raise' });
  });
});

describe('holds', () => {
  it('are listed and shown, and approved by who may', async () => {
    const run = await server.run();
    const hold = await server.held(run, 'v\u202e1');
    expect((await bot('hold', 'list', '--run', run)).out).toContain('v\\u{202e}1 → origin');
    expect(parsed(await bot('hold', 'list', '--run', run, '--json'))).toMatchObject([
      { id: hold, run, kind: 'approval', action: 'git.push', state: 'open', version: 1, choices: ['approve', 'deny'] },
    ]);
    expect((await bot('hold', 'show', hold)).out).toContain('tag: v\\u{202e}1');
    const refused = await bot('hold', 'approve', hold);
    expect(refused.code).toBe(4);
    expect(refused.err).toContain('machines never decide');
    expect(await ben('hold', 'approve', hold, '--note', 'fine')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Granted: v\\u{202e}1 → origin'),
    });
    expect(parsed(await bot('hold', 'list', '--run', run, '--json'))).toEqual([]);
    expect(parsed(await bot('hold', 'list', '--run', run, '--all', '--json'))).toMatchObject([
      { state: 'granted', ended: { note: 'fine' } },
    ]);
    expect((await ada('hold', 'deny', hold, '--note', 'late')).code).toBe(4);
    expect((await ada('hold', 'show', 'hold-nobody')).code).toBe(3);
  });

  it('are denied with a note, edited, and decided by choice', async () => {
    const denied = await server.held(await server.run());
    expect((await ben('hold', 'deny', denied, '--note', 'not today')).out).toContain('Denied:');
    const edited = await server.held(await server.run());
    expect(parsed(await ben('hold', 'approve', edited, '--edit', '{"tag":"v2"}', '--json'))).toMatchObject({
      state: 'granted',
      version: 2,
      edit: { changes: { tag: 'v2' } },
    });
    const tripped = await server.tripped(await server.run());
    expect((await ada('hold', 'decide', tripped, '--choice', 'raise')).code).toBe(2);
    expect(parsed(await ada('hold', 'decide', tripped, '--choice', 'raise', '--steps', '5', '--json'))).toMatchObject({ state: 'granted' });
    const killed = await server.run();
    const breaker = await server.tripped(killed);
    expect((await ada('hold', 'decide', breaker, '--choice', 'kill', '--note', 'enough')).code).toBe(0);
    expect((await findRun(server.db, killed))?.state).toBe('killed');
  });

  it('are not decided for a version that nobody looked at', async () => {
    const hold = await server.held(await server.run());
    expect((await ben('hold', 'approve', hold, '--seen', '2')).err).toContain('is at version 1; the decision was for version 2');
  });
});

describe('the rest', () => {
  it('lists actions, explains policies, verifies the audit', async () => {
    expect((await bot('action', 'list')).out).toMatch(/git\.push +Push a tag +idempotent, open world +tag/);
    expect((await bot('policy', 'explain', '--action', 'git.psuh', '--input', '{}')).err).toContain('Did you mean "git.push"?');
    const run = await server.run();
    expect(await bot('audit', 'verify', run)).toMatchObject({ code: 0, out: `The chain of ${run} holds: 1 rows.` });
    expect((await bot('audit', 'verify')).out).toContain('The chain of installation holds');
  });

  it('makes, lists and revokes tokens', async () => {
    const made = parsed(await ada('token', 'create', '--agent', 'ci', '--name', 'pipeline', '--json'));
    const list = (token: string) => say(['run', 'list'], { cwd, env: { HOLDPOINT_URL: server.url, HOLDPOINT_TOKEN: token } });
    expect((await list(made.token)).code).toBe(0);
    const listed = await ada('token', 'list');
    expect(listed.out).toContain('pipeline');
    expect(listed.out).not.toContain(made.token);
    expect((await ada('token', 'revoke', made.id)).out).toContain('Revoked');
    expect((await list(made.token)).code).toBe(4);
    expect((await ada('token', 'create', '--person', 'ben')).code).toBe(4);
    expect((await say(['token', 'create', '--person', 'ada', '--direct'], { cwd })).err).toContain('DATABASE_URL');
  });

  it('checks and tests policies against what the workers have published', async () => {
    const policies = join(cwd, 'policies');
    mkdirSync(policies, { recursive: true });
    writeFileSync(
      join(policies, 'a.cedar'),
      '@id("bots-push")\npermit (principal == Agent::"release-bot", action == Action::"git.push", resource);\n',
    );
    writeFileSync(
      join(policies, 'a.test.yaml'),
      'cases:\n  - { name: bots push, agent: release-bot, action: git.push, input: { tag: v1 }, expect: allow }\n',
    );
    expect((await ada('policy', 'check')).out).toMatch(/^\d+ policies in .*policies are right/);
    expect(await ada('policy', 'test', 'policies')).toMatchObject({ code: 0, out: expect.stringContaining('1 passed, 0 failed') });
    writeFileSync(
      join(policies, 'a.test.yaml'),
      'cases:\n  - { name: bots push, agent: other, action: git.push, input: { tag: v1 }, expect: allow }\n',
    );
    expect(await ada('policy', 'test')).toMatchObject({ code: 1, out: expect.stringContaining('0 passed, 1 failed') });
    writeFileSync(
      join(policies, 'b.cedar'),
      '@id("b")\n@hold("x")\n@quroum("2")\nforbid (principal, action == Action::"git.push", resource);\n',
    );
    const wrong = await ada('policy', 'check');
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('quroum');
    expect((await say(['policy', 'check'], { cwd, env: { HOLDPOINT_URL: 'http://127.0.0.1:1' } })).err).toContain('none are known here');
  });

  it('finds a healthy server well', async () => {
    const { findings } = parsed(await ada('doctor', '--json'));
    expect(findings.filter(({ name }: { name: string }) => ['server', 'ledger', 'Temporal'].includes(name))).toMatchObject([
      { state: 'ok' },
      { state: 'ok' },
      { state: 'ok' },
    ]);
  });
});

beforeEach(() => expect(server.errors).toEqual([]));
