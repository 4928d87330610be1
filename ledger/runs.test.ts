import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditPreimage, runState } from '../core/index.ts';
import { describeLedgers, shiftClock } from '../test/ledgers.ts';
import { ask, askHeld, heldRequest, says, sampleRequest, sampleRun, succeeded, tell } from '../test/sample-run.ts';
import {
  closeRun,
  createRun,
  decideHold,
  dueDeliveries,
  fenceRuns,
  findExecution,
  findHold,
  findRun,
  findRunIdentity,
  listAudit,
  listCalls,
  listExecutions,
  listRuns,
  migrate,
  raiseRun,
  recordExecution,
  recordStart,
  renew,
  runsToCheck,
  verifyAudit,
} from './index.ts';
import type { Database } from './index.ts';

describeLedgers('runs in the ledger', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  const kill = { by: 'person:grace', reason: 'enough' };

  it('creates a run once', async () => {
    const run = await sampleRun(db);
    const record = await findRun(db, run);
    expect(record).toMatchObject({
      id: run,
      agent: 'release-bot',
      workflow: 'release',
      requesters: ['person:ada'],
      labels: { team: 'core' },
      workflowId: run,
      firstRunId: null,
      taskQueue: 'holdpoint',
      input: '{"tag":"v1"}',
      closedAt: null,
      fence: null,
      claimed: 0,
      state: 'running',
      openHolds: 0,
    });
    expect(record?.createdAt).toBe(record?.startedAt);
    const again = { ...record!, limits: { ...record!.limits, steps: 9 } };
    expect(await createRun(db, again)).toBe('exists');
    expect(await findRun(db, run)).toEqual(record);
    expect(await listAudit(db, run, { after: 0, limit: 9 })).toMatchObject([
      { seq: 1, text: expect.stringContaining('"kind":"run.created"') },
    ]);
  });

  it('answers null for a run that nobody created', async () => {
    expect(await findRun(db, 'run-none')).toBeNull();
    expect(await findRunIdentity(db, 'run-none')).toBeNull();
  });

  describe('executions', () => {
    it('gives the run its first run id with the first root, and refuses another chain', async () => {
      const run = await sampleRun(db);
      const root = { workflowId: run, runId: 'r1', firstRunId: 'r1', path: '', run };
      expect(await recordExecution(db, root)).toBe(true);
      expect(await recordExecution(db, root)).toBe(true);
      expect(await recordExecution(db, { ...root, runId: 'r2' })).toBe(true);
      expect(await recordExecution(db, { ...root, runId: 'x', firstRunId: 'x' })).toBe(false);
      expect(await recordExecution(db, { workflowId: 'child', runId: 'c', firstRunId: 'c', path: '/3', run })).toBe(true);
      expect(await findRunIdentity(db, run)).toEqual({
        workflowId: run,
        firstRunId: 'r1',
        agent: 'release-bot',
        requesters: ['person:ada'],
        workflow: 'release',
        labels: { team: 'core' },
        mode: 'enforce',
      });
      expect(await findExecution(db, { workflowId: 'child', runId: 'c' })).toEqual({ run, path: '/3', adopted: false });
      expect((await listExecutions(db, run)).map((execution) => execution.runId)).toEqual(['r1', 'r2', 'c']);
    });

    it('refuses an execution that belongs elsewhere, or to no run', async () => {
      const [mine, other] = [await sampleRun(db), await sampleRun(db)];
      const execution = { workflowId: mine, runId: 'r1', firstRunId: 'r1', path: '', run: mine };
      await recordExecution(db, execution);
      expect(await recordExecution(db, { ...execution, run: other })).toBe(false);
      expect(await recordExecution(db, { ...execution, path: '/1' })).toBe(false);
      expect(await recordExecution(db, { ...execution, runId: 'r9', run: 'run-none' })).toBe(false);
      expect(await findExecution(db, { workflowId: mine, runId: 'r9' })).toBeNull();
    });

    it('begins the run with whichever word of its start comes first', async () => {
      const run = await sampleRun(db);
      await shiftClock(db, 5_000);
      expect(await recordStart(db, run, 'r1')).toBe(true);
      expect(await recordStart(db, run, 'r1')).toBe(true);
      expect(await recordStart(db, run, 'r2')).toBe(false);
      const record = await findRun(db, run);
      expect(record?.firstRunId).toBe('r1');
      expect(record!.startedAt - record!.createdAt).toBeGreaterThanOrEqual(5_000);
    });
  });

  describe('kill', () => {
    it('fences at once: nothing more is claimed, and the workflow is to be stopped', async () => {
      const run = await sampleRun(db);
      expect(await fenceRuns(db, { runs: [run] }, kill)).toEqual([run]);
      expect(await ask(db, run, sampleRequest('/1'))).toEqual({ kind: 'fenced' });
      expect(await findRun(db, run)).toMatchObject({ state: 'killed', fence: kill });
      expect(await dueDeliveries(db, 1_000)).toContainEqual(expect.objectContaining({ kind: 'stop', subject: run, run }));
      expect(await fenceRuns(db, { runs: [run] }, kill)).toEqual([]);
      expect(await verifyAudit(db, run)).toEqual({ rows: 2, brokenAt: null });
    });

    it('picks open runs by agent and state', async () => {
      const [held, running] = [await sampleRun(db, {}, 'killable'), await sampleRun(db, {}, 'killable')];
      await askHeld(db, held, heldRequest('/1'));
      expect(await fenceRuns(db, { agent: 'killable', state: 'held' }, kill)).toEqual([held]);
      expect(await fenceRuns(db, { agent: 'killable' }, kill)).toEqual([running]);
    });

    it('names no run where none is named', async () => {
      expect(await fenceRuns(db, { runs: [] }, kill)).toEqual([]);
    });

    it('tells the attempt that is under way, and still lets it settle', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1');
      await ask(db, run, request);
      expect(await renew(db, run, request.key, request.token, 8_000)).toBe('renewed');
      await fenceRuns(db, { runs: [run] }, kill);
      expect(await renew(db, run, request.key, request.token, 8_000)).toBe('fenced');
      expect(await tell(db, run, request, succeeded())).toBe('settled');
      expect(await renew(db, run, request.key, request.token, 8_000)).toBe('lost');
    });
  });

  describe('close', () => {
    it('withdraws what waits, once, and keeps the first end', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await closeRun(db, run, 'failed', 'its workflow ended');
      await closeRun(db, run, 'succeeded', 'again');
      expect(await findRun(db, run)).toMatchObject({
        state: 'failed',
        closedAt: expect.any(Number),
        closedReason: 'its workflow ended',
        openHolds: 0,
      });
      expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'withdrawn', why: 'its workflow ended' } });
      expect(await listCalls(db, run)).toMatchObject([{ state: { kind: 'withdrawn' }, waitingFor: null }]);
      expect(await decideHold(db, hold, says())).toMatchObject({ kind: 'refused' });
    });

    it('is taken back by a claim, since the run goes on after all', async () => {
      const run = await sampleRun(db);
      await closeRun(db, run, 'failed', 'too early');
      expect(await ask(db, run, sampleRequest('/1'))).toMatchObject({ kind: 'allow' });
      expect(await findRun(db, run)).toMatchObject({ state: 'running', closed: null, closedAt: null });
    });

    it('is final for a run that was killed', async () => {
      const run = await sampleRun(db);
      await fenceRuns(db, { runs: [run] }, kill);
      await closeRun(db, run, 'killed', 'stopped');
      expect(await ask(db, run, sampleRequest('/1'))).toEqual({ kind: 'fenced' });
      expect(await findRun(db, run)).toMatchObject({ closed: 'killed' });
    });
  });

  describe('raise', () => {
    const raise = { raise: { steps: 5 }, by: 'person:grace', reason: 'more to do' };

    it('raises limits that have not tripped', async () => {
      const run = await sampleRun(db, { steps: 1 });
      expect(await raiseRun(db, run, raise)).toBe('raised');
      expect(await findRun(db, run)).toMatchObject({ limits: { steps: 6 } });
      expect(await verifyAudit(db, run)).toEqual({ rows: 2, brokenAt: null });
    });

    it('leaves a tripped limit to the decision of its hold, and an ended run alone', async () => {
      const run = await sampleRun(db, { steps: 1 });
      await ask(db, run, sampleRequest('/1'));
      await askHeld(db, run, sampleRequest('/2'));
      expect(await raiseRun(db, run, raise)).toBe('breaker_open');
      await closeRun(db, run, 'failed', 'over');
      expect(await raiseRun(db, run, raise)).toBe('run_ended');
      expect(await raiseRun(db, 'run-none', raise)).toBe('run_unknown');
      expect(await findRun(db, run)).toMatchObject({ limits: { steps: 1 } });
    });
  });

  describe('list', () => {
    it('pages from the newest, by agent and workflow', async () => {
      const runs = [];
      for (let index = 0; index < 3; index += 1) runs.unshift(await sampleRun(db, {}, 'listed'));
      const first = await listRuns(db, { agent: 'listed', workflow: 'release' }, { limit: 2 });
      const second = await listRuns(db, { agent: 'listed' }, { limit: 2, cursor: first.next });
      expect(new Set([...first.items, ...second.items].map((run) => run.id))).toEqual(new Set(runs));
      expect([first.items.length, second.items.length, second.next]).toEqual([2, 1, null]);
    });

    it('finds each run under the very state that people are shown', async () => {
      const agent = 'states';
      const [running, held, busy, killed, failed] = await Promise.all(['', '', '', '', ''].map(() => sampleRun(db, {}, agent)));
      await askHeld(db, held!, heldRequest('/1'));
      await askHeld(db, busy!, heldRequest('/1'));
      await ask(db, busy!, sampleRequest('/2'));
      await fenceRuns(db, { runs: [killed!] }, kill);
      await closeRun(db, failed!, 'failed', 'over');
      const found: Record<string, string[]> = {};
      for (const state of ['running', 'held', 'paused', 'succeeded', 'failed', 'killed'] as const) {
        const { items } = await listRuns(db, { agent, state }, { limit: 9 });
        for (const item of items) expect(runState(item)).toBe(state);
        found[state] = items.map((item) => item.id).sort();
      }
      expect(found).toEqual({
        running: [running, busy].sort(),
        held: [held],
        paused: [],
        succeeded: [],
        failed: [failed],
        killed: [killed],
      });
    });

    it('tells of every call with its input, facts, spend and last verdict', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1', { worst: 9 as never, facts: '{"a":1}' as never });
      await ask(db, run, request);
      await tell(db, run, request, succeeded(4));
      await askHeld(db, run, heldRequest('/2'));
      expect(await listCalls(db, run)).toMatchObject([
        {
          key: '/1',
          input: '{"key":"/1"}',
          facts: '{"a":1}',
          execution: { workflowId: 'w', runId: 'r' },
          verdict: 'allow',
          spend: 4,
          attempts: 1,
          state: { kind: 'succeeded', result: { kind: 'inline' } },
        },
        { key: '/2', verdict: 'hold', state: { kind: 'asked' }, waitingFor: expect.stringMatching(/^hold-/) },
      ]);
    });

    it('hands out open runs to look at, each once in a while', async () => {
      const run = await sampleRun(db);
      await shiftClock(db, 60_000);
      const [{ now } = { now: 0 }] = await db.query<{ now: number }>('SELECT holdpoint_now() AS now');
      const seen = await runsToCheck(db, now - 1_000, 10_000);
      expect(seen.map((record) => record.id)).toContain(run);
      expect(seen.every((record) => record.closed === null)).toBe(true);
      expect(await runsToCheck(db, now - 1_000, 10_000)).toEqual([]);
    });
  });

  it('hashes a chain exactly as core/audit says', async () => {
    const run = await sampleRun(db);
    await ask(db, run, heldRequest('/1', { args: { text: 'ü ✓ \u0000 "' } }));
    let previous = '';
    for (const row of await listAudit(db, run, { after: 0, limit: 99 })) {
      expect(row.hash).toBe(createHash('sha256').update(auditPreimage(previous, row)).digest('hex'));
      previous = row.hash;
    }
    expect(previous).toHaveLength(64);
  });
});
