import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeLedgers } from '../ledgers.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { startPostgresProxy } from '../postgres-proxy.ts';
import type { PostgresProxy } from '../postgres-proxy.ts';
import { findRun, listAudit, migrate, openPostgres, verifyAudit } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import type { HoldId, RunId } from '../../core/index.ts';
import { charge, put } from './calls.ts';
import { eventNames, events, resetBefore, startPast, textOf } from './histories.ts';
import { HOLD_CHARGE, PERMIT_ALL, SILENT, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';
import type { Told } from './workflows.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

const POLICIES = `
@id("all") permit (principal, action, resource)
unless { action == Action::"tool.put" };
@id("puts") permit (principal, action == Action::"tool.put", resource)
unless { context.input.text == "silent" };
@id("never") @reason("Nobody forbids in tests without a reason")
forbid (principal, action == Action::"tool.put", resource) when { context.input.text == "forbidden" };
@id("overflows")
forbid (principal, action == Action::"tool.put", resource) when { context.input.text == "overflow" && context.input has worst && context.input.worst * 9223372036854775807 > 1 };
@id("two") @hold("Two must agree") @approvers("approvers") @quorum("2")
forbid (principal, action == Action::"tool.charge", resource) when { context.input.text like "two*" };
@id("brief") @hold("In a hurry") @approvers("approvers") @deadline("1s")
forbid (principal, action == Action::"tool.charge", resource) when { context.input.text like "brief*" };
${HOLD_CHARGE}`;

/** The workflows without the waiting room; bundled once. */
let ungoverned: Promise<WorkflowBundleWithSourceMap> | undefined;
const SECRET = 'correct-horse-battery-staple';

describeLedgers('Holdpoint promises', (open) => {
  let world: Supervised;
  let db: Database;

  beforeAll(async () => {
    process.env['HOLDPOINT_SECRET_API_KEY'] = SECRET;
    db = await open();
    await migrate(db);
    world = await supervised({ db, policies: POLICIES });
  });
  afterAll(async () => {
    delete process.env['HOLDPOINT_SECRET_API_KEY'];
    await world?.stop();
  });

  const sequence = (...calls: readonly object[]): Promise<RunId> => world.start('sequence', { calls });
  const told = async (run: RunId): Promise<readonly Told[]> => (await world.result<{ told: Told[] }>(run)).told;
  const phases = (run: RunId) => world.effects(run).map(({ phase }) => phase);
  const onlyHold = async (run: RunId): Promise<HoldId> => (await world.held(run))[0]?.id ?? '';
  const audit = async (run: RunId) =>
    (await listAudit(db, run, { after: 0, limit: 1_000 })).map((row) => ({
      ...row,
      ...(JSON.parse(row.text) as { kind: string; body: Record<string, unknown> }),
    }));
  const begun = (run: RunId, count = 1) =>
    world.until(`${count} effects of ${run}`, async () => world.effects(run).filter(({ phase }) => phase === 'begun').length >= count);

  describe('1, mediation', () => {
    it.concurrent('refuses what nobody declared, and records that it was asked for', async () => {
      const run = await sequence({ action: 'tool.rm', input: { text: '/' } });
      expect(await told(run)).toEqual([{ kind: 'denied', code: 'action_undeclared', message: expect.stringContaining('tool.rm') }]);
      expect((await world.calls(run)).map(({ action, state }) => [action, state.kind])).toEqual([['tool.rm', 'refused']]);
      expect((await audit(run)).map(({ kind }) => kind)).toContain('call.refused');
    });

    it.concurrent('refuses what policies forbid, and what they are silent about', async () => {
      const run = await sequence(put('forbidden'), put('silent'));
      expect((await told(run)).map((one) => one.kind === 'denied' && one.code)).toEqual(['policy_forbids', 'policy_silent']);
      expect(world.effects(run)).toEqual([]);
    });

    it.concurrent('lets nothing pass that comes from a run which nobody admitted, and records that it came', async () => {
      const started = await world.startElsewhere('sequence', { calls: [put('past')] });
      await world.until('it to be adopted', async () => (await findRun(db, started.run)) !== null);
      expect(await world.held(started.run)).toMatchObject([{ kind: 'admission' }]);
      expect(world.effects().filter(({ input }) => input['text'] === 'past')).toEqual([]);
      const entries = (await listAudit(db, started.run, { after: 0, limit: 10 })).map(
        ({ text }) => (JSON.parse(text) as { kind: string }).kind,
      );
      expect(entries).toEqual(['run.adopted', 'hold.opened']);
      await world.kill(started.run);
    });
  });

  describe('2, binding', () => {
    it.concurrent('binds an approval to one call by SHA-256 over the RFC 8785 text of action, input and facts', async () => {
      const run = await world.start('together', { calls: [charge('same'), charge('same')] });
      const holds = (await world.held(run, 2)).toSorted((a, b) => (a.key ?? '').localeCompare(b.key ?? ''));
      // Written out by hand: members in the order of their names, no spaces, defaults filled in.
      const text = '{"action":"tool.charge","facts":null,"input":{"end":"ok","text":"same","worst":0}}';
      const digest = createHash('sha256').update(text).digest('hex');
      expect(holds.map((hold) => [hold.key, hold.digest])).toEqual([
        ['/1', digest],
        ['/2', digest],
      ]);
      await world.decide(holds[0]?.id ?? '');
      await world.until('the first effect', async () => phases(run).includes('done'));
      expect((await world.held(run)).map(({ key }) => key)).toEqual(['/2']);
      await world.decide(holds[1]?.id ?? '', { choice: 'deny', note: 'one is enough' });
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned', 'denied']);
      expect(world.effects(run).map(({ idempotencyKey }) => idempotencyKey)).toEqual([`${run}/1`, `${run}/1`]);
    });
  });

  describe('3, authority', () => {
    it.concurrent('counts eligible people once, at the moment of the click, and no requester, stranger or machine', async () => {
      const run = await world.start('sequence', { calls: [charge('two')] }, { requesters: ['agent:tester', 'person:eve'] });
      const hold = await onlyHold(run);
      await expect(world.decide(hold, { person: 'person:eve' })).rejects.toMatchObject({ code: 'requester_decides' });
      await expect(world.decide(hold, { person: 'person:ops' })).rejects.toMatchObject({ code: 'not_eligible' });
      await expect(world.decide(hold, { person: 'agent:tester' })).rejects.toMatchObject({ code: 'machine_cannot_decide' });
      await world.decide(hold, { person: 'person:ada' });
      await expect(world.decide(hold, { person: 'person:ada' })).rejects.toMatchObject({ code: 'already_voted' });
      expect((await world.held(run)).map(({ state }) => state.kind)).toEqual(['open']);
      expect(world.effects(run)).toEqual([]);
      await world.decide(hold, { person: 'person:ben' });
      expect(await told(run)).toMatchObject([{ kind: 'returned' }]);
      expect((await world.holds(run)).map(({ votes }) => votes.map(({ person }) => person))).toEqual([['person:ada', 'person:ben']]);
    });
  });

  describe('4, first decision wins', () => {
    it.concurrent('keeps a denial, whoever approves afterwards', async () => {
      const run = await sequence(charge('final'), charge('final'));
      const hold = await onlyHold(run);
      await world.decide(hold, { choice: 'deny', note: 'no' });
      await expect(world.decide(hold, { person: 'person:ben' })).rejects.toMatchObject({ code: 'hold_closed' });
      const second = await onlyHold(run);
      await world.kill(run);
      await expect(world.decide(second, { person: 'person:ben' })).rejects.toMatchObject({ code: 'run_killed' });
      await world.closed(run);
      expect(world.effects(run)).toEqual([]);
    });

    it.concurrent('lets a timeout refuse, and never approve', async () => {
      const run = await sequence(charge('brief'));
      const { id: hold } = await world.until('a hold, open or over', async () => (await world.holds(run))[0]);
      expect(await told(run)).toMatchObject([
        { kind: 'denied', code: 'approval_expired', message: expect.stringContaining('no person refused it') },
      ]);
      await expect(world.decide(hold)).rejects.toThrow();
      expect((await world.holds(run)).map(({ state }) => state.kind)).toEqual(['expired']);
      expect(world.effects(run)).toEqual([]);
    });
  });

  describe('5, no overshoot', () => {
    it.concurrent('starts no attempt beyond the steps, in parallel and in children', async () => {
      const calls = Array.from({ length: 4 }, (_, n) => put(`step ${n}`));
      const run = await world.start(
        'tree',
        { calls, children: [{ calls, children: [{ calls, children: [] }] }] },
        { limits: { steps: 5 } },
      );
      expect((await world.held(run)).map(({ kind }) => kind)).toEqual(['breaker']);
      await world.until(
        'every call to wait',
        async () => (await world.calls(run)).filter(({ waitingFor }) => waitingFor !== null).length === 7,
      );
      expect(phases(run).filter((phase) => phase === 'done')).toHaveLength(5);
      expect((await world.run(run)).used.steps).toBe(5);
      await world.kill(run);
      await world.closed(run);
    });

    it.concurrent('counts every retry as a step', async () => {
      const run = await world.start('sequence', { calls: [put('retried', { end: 'throw' })] }, { limits: { steps: 2 } });
      expect((await world.held(run)).map(({ kind }) => kind)).toEqual(['breaker']);
      expect(phases(run)).toEqual(['begun', 'begun']);
      await world.kill(run);
    });

    it.concurrent('counts on over continue-as-new', async () => {
      const run = await world.start('continued', { calls: [put('x'), put('y'), put('z')] }, { limits: { steps: 2 } });
      expect((await world.held(run)).map(({ kind }) => kind)).toEqual(['breaker']);
      expect(phases(run)).toEqual(['begun', 'done', 'begun', 'done']);
      await world.kill(run);
    });

    it.concurrent('reserves the worst case before the effect, and settles what it cost', async () => {
      const calls = Array.from({ length: 8 }, (_, n) => put(`spend ${n}`, { worst: 10, cost: 9, end: 'wait' }));
      const run = await world.start('together', { calls }, { limits: { spend: 35 as never } });
      await world.held(run);
      await begun(run, 3);
      expect((await world.run(run)).used).toMatchObject({ reserved: 30, settled: 0, steps: 3 });
      for (const { input } of calls) writeFileSync(join(world.folder, `go-${input.text}`), '');
      await world.until('the effects to end', async () => (await world.run(run)).used.settled === 27);
      expect((await world.run(run)).used).toMatchObject({ reserved: 0, settled: 27, overrun: 0, steps: 3 });
      await world.kill(run);
    });
  });

  describe('6, kill', () => {
    it.concurrent('claims nothing more once it is acknowledged, and ends what was in flight as unknown', async () => {
      const held = charge('held');
      const flying = charge('two in flight', { end: 'wait' });
      const run = await world.start('tree', {
        calls: [held, flying],
        children: [{ calls: [held], children: [{ calls: [put('below', { end: 'wait' })], children: [] }] }],
      });
      for (const hold of await world.held(run, 3)) {
        if (hold.shown.title.includes('flight')) for (const person of ['person:ada', 'person:ben']) await world.decide(hold.id, { person });
      }
      await begun(run, 2);
      await world.kill(run);
      const after = await world.run(run);
      expect(after).toMatchObject({ state: 'killed', fence: { by: 'person:ops', reason: 'a test' } });
      const closed = await world.closed(run);
      expect(closed.closed).toBe('killed');
      expect((await world.holds(run)).filter(({ state }) => state.kind === 'open')).toEqual([]);
      await world.until('what was in flight to end', async () => (await world.calls(run)).every(({ state }) => state.kind !== 'claimed'));
      const states = (await world.calls(run)).map(({ key, state }) => [key, state.kind]).toSorted();
      expect(states).toEqual([
        ['/1/1/1', 'failed'],
        ['/1/2', 'withdrawn'],
        ['/2', 'withdrawn'],
        ['/3', 'unknown'],
      ]);
      expect(phases(run)).toEqual(['begun', 'begun']);
      const rows = await audit(run);
      const fence = rows.findIndex(({ kind }) => kind === 'run.killed');
      expect(rows.slice(fence).filter(({ kind }) => kind === 'call.claimed')).toEqual([]);
      await world.until('no execution to run', async () => {
        const listed = world.client.workflow.list({ query: `RootWorkflowId = '${run}' AND ExecutionStatus = 'Running'` });
        for await (const one of listed)
          if ((await world.client.workflow.getHandle(one.workflowId, one.runId).describe()).status.name === 'RUNNING') return false;
        return true;
      });
    });

    it.concurrent('lets a run that has not asked yet ask in vain', async () => {
      const run = await world.start('choosing', { call: put('') });
      await world.kill(run);
      await world.client.workflow
        .getHandle(run)
        .signal('choose', 'too late')
        .catch(() => undefined);
      expect(await world.closed(run)).toMatchObject({ closed: 'killed', used: { steps: 0 } });
      expect(world.effects(run)).toEqual([]);
    });
  });

  describe('7, at most once', () => {
    it.concurrent('asks a person when nobody knows what became of an action that must not be repeated', async () => {
      const run = await sequence(charge('lost', { end: 'throw' }));
      await world.decide(await onlyHold(run));
      const question = await world.until('the question', async () =>
        (await world.holds(run)).find(({ kind }) => kind === 'unknown-outcome'),
      );
      expect(question).toMatchObject({ state: { kind: 'open' }, reason: expect.stringContaining('it broke') });
      expect(phases(run)).toEqual(['begun']);
      await world.decide(question.id, { person: 'person:ops', choice: 'failed', note: 'I looked: it did not' });
      expect(await told(run)).toMatchObject([{ kind: 'denied', code: 'outcome_rejected', message: expect.stringContaining('I looked') }]);
      expect(phases(run)).toEqual(['begun']);
    });
  });

  describe('8, audit first', () => {
    it.concurrent('has the intent on record while the effect runs, the outcome after it, and a chain that verifies', async () => {
      const run = await sequence(put('watched', { end: 'wait' }));
      await begun(run);
      const during = await audit(run);
      expect(during.at(-1)).toMatchObject({ kind: 'call.claimed', body: { key: '/1', action: 'tool.put', attempt: 1 } });
      expect((await world.calls(run)).map(({ state }) => state.kind)).toEqual(['claimed']);
      writeFileSync(join(world.folder, 'go-watched'), '');
      await world.result(run);
      expect((await audit(run)).slice(during.length)[0]).toMatchObject({ kind: 'call.succeeded', body: { key: '/1' } });
      await world.closed(run);
      expect(await verifyAudit(db, run)).toMatchObject({ brokenAt: null });
      expect(await verifyAudit(db, 'installation')).toMatchObject({ brokenAt: null });
    });

    it.concurrent('has no effect that cannot be audited', async () => {
      await db.query(`ALTER TABLE audit ADD CONSTRAINT nothing_of_deploys CHECK (text NOT LIKE '%tool.deploy%')`);
      const run = await sequence({ action: 'tool.deploy', input: { text: 'unaudited' } });
      expect(await told(run)).toMatchObject([{ kind: 'denied', code: 'invariant_broken' }]);
      expect(world.effects(run)).toEqual([]);
    });
  });

  describe('9, replays are safe', () => {
    it.concurrent('answers what a reset asks again from the record', async () => {
      const run = await world.start('paused', { calls: [charge('once'), put('after')] });
      await world.decide(await onlyHold(run));
      await world.until('the effect', async () => phases(run).includes('done'));
      await world.until('its result', async () => (await world.calls(run))[0]?.state.kind === 'succeeded');

      await resetBefore(world.client, run, 1);
      await world.client.workflow.getHandle(run).signal('goOn');
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned', 'returned']);
      expect(
        world
          .effects(run)
          .filter(({ phase }) => phase === 'done')
          .map(({ idempotencyKey }) => idempotencyKey),
      ).toEqual([`${run}/1`, `${run}/2`]);
      expect(await world.holds(run)).toHaveLength(1);
    });
  });

  describe('10, fail closed', () => {
    it.concurrent('refuses what a policy could not judge', async () => {
      const run = await sequence(put('overflow', { worst: 2 }));
      expect(await told(run)).toMatchObject([{ kind: 'denied', code: 'policy_error', message: expect.stringContaining('overflows') }]);
      expect(world.effects(run)).toEqual([]);
    });
  });

  describe('11, no secrets', () => {
    it.concurrent('keeps a secret out of histories, every table of the ledger, results and errors', async () => {
      const login = (refused: boolean) => ({ action: 'tool.login', input: { user: 'ida', password: 'secret:API_KEY', refused } });
      const run = await sequence(login(false), login(true));
      expect(await told(run)).toEqual([
        { kind: 'returned', value: { text: 'in as ida with [secret API_KEY]' } },
        { kind: 'failed', message: 'ida cannot log in with [secret API_KEY]' },
      ]);
      expect(world.effects(run).map(({ input }) => input)).toEqual([{ user: 'ida', length: SECRET.length }]);
      await world.closed(run);
      const history = textOf(await events(world.client, run));
      expect(history).toContain('secret:API_KEY');
      expect(history).not.toContain(SECRET);
      const ledger = await dump(db);
      expect(ledger).toContain('secret:API_KEY');
      expect(ledger).not.toContain(SECRET);
      expect(ledger).not.toContain(Buffer.from(SECRET).toString('base64').slice(0, 24));
    });

    it.concurrent('refuses a literal in a secret field, and keeps it nowhere', async () => {
      const run = await world.start('indiscreet', null);
      const answer = await world.result<Told>(run);
      expect(answer).toMatchObject({ kind: 'denied', code: 'secret_literal', message: expect.stringContaining('password') });
      expect(JSON.stringify(answer)).not.toContain('open-sesame');
      expect(world.effects(run)).toEqual([]);
      expect(await dump(db)).not.toContain('open-sesame');
    });
  });

  describe('12, the allowed path costs almost nothing', () => {
    it('has the events and workflow tasks that the same workflow has without the plugin', async () => {
      const taskQueue = `${world.taskQueue}-raw`;
      ungoverned ??= bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'workflows.ts'), logger: SILENT });
      const plain = ({ text }: { readonly text: string }) => Promise.resolve({ text });
      const worker = await Worker.create({
        connection: world.native,
        taskQueue,
        workflowBundle: await ungoverned,
        activities: { 'tool.put': plain, 'tool.look': plain },
      });
      await worker.runUntil(async () => {
        for (const [workflow, input] of [
          ['sequence', { calls: [put('a'), { action: 'tool.look', input: { text: 'b' } }, put('c')] }],
          ['continued', { calls: [put('a'), put('b')] }],
          ['typed', { text: 'd' }],
        ] as const) {
          const governed = await world.start(workflow, input);
          const raw = await startPast(world.client, workflow, { taskQueue, input, header: null });
          await Promise.all([world.result(governed), raw.result()]);
          expect(await eventNames(world.client, governed)).toEqual(await eventNames(world.client, raw.workflowId));
        }
      });
    });
  });
});

describe('Holdpoint promise 10, to fail closed while the ledger is away', () => {
  let world: Supervised;
  let proxy: PostgresProxy;
  const opened: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    const server = await startPostgres();
    opened.unshift({ close: () => server.stop() });
    const url = await freshDatabase(server.url);
    proxy = await startPostgresProxy(url);
    const db = await openPostgres({ url });
    await migrate(db);
    const workerLedger = await openPostgres({ url: proxy.url, role: 'worker' });
    opened.unshift(workerLedger, db, proxy);
    world = await supervised({ db, workerLedger, policies: PERMIT_ALL });
  });
  afterAll(async () => {
    await world?.stop();
    for (const one of opened) await one.close();
  });

  it('waits, uses no step and no retry, and goes on when it is back', async () => {
    const run = await world.start('choosing', { call: put('') });
    proxy.sever();
    await world.client.workflow.getHandle(run).signal('choose', 'patience');
    const refusals = async () =>
      (await events(world.client, run)).flatMap(
        (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? [],
      );
    await world.until('two refusals', async () => (await refusals()).length >= 2);
    expect(world.effects(run)).toEqual([]);
    proxy.restore();
    expect(await world.result(run)).toEqual({ kind: 'returned', value: { text: 'patience' } });
    expect(new Set(await refusals())).toEqual(new Set(['HoldpointLater']));
    const started = (await events(world.client, run)).flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
    expect(new Set(started)).toEqual(new Set([1]));
    expect((await world.run(run)).used.steps).toBe(1);
    expect((await world.calls(run)).map(({ attempts }) => attempts)).toEqual([1]);
  });

  it('tells the outcome of an effect that was under way when it is back, and repeats nothing', async () => {
    const run = await world.start('sequence', { calls: [{ action: 'tool.charge', input: { text: 'during', end: 'wait' } }] });
    await world.until('the effect', async () => world.effects(run).length === 1);
    proxy.sever();
    writeFileSync(join(world.folder, 'go-during'), '');
    await world.until('its end', async () => world.effects(run).length === 2);
    expect((await world.calls(run)).map(({ state }) => state.kind)).toEqual(['claimed']);
    proxy.restore();
    expect(await world.result(run)).toMatchObject({ told: [{ kind: 'returned' }] });
    expect(world.effects(run).map(({ phase }) => phase)).toEqual(['begun', 'done']);
    expect((await world.calls(run)).map(({ attempts, state }) => [attempts, state.kind])).toEqual([[1, 'succeeded']]);
  });
});

/** Every row of every table as text, bytes decoded. */
async function dump(db: Database): Promise<string> {
  const tables = await db.query<{ name: string }>(`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`);
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await db.query<{ text: string }>(`SELECT row_to_json(t)::text AS text FROM ${name} t`);
    texts.push(...rows.map(({ text }) => text));
  }
  // Results are kept as base64 of their JSON.
  const decoded = texts.join('\n').matchAll(/[A-Za-z0-9+/]{16,}={0,2}/g);
  return [...texts, ...[...decoded].map(([text]) => Buffer.from(text, 'base64').toString('utf8'))].join('\n');
}
