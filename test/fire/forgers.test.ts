import { randomUUID } from 'node:crypto';
import { WorkflowClient } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adoptedRunId } from '../../activities/gate/adoption.ts';
import { ADOPTED_RUN, HEADER } from '../../core/index.ts';
import type { RunHeader, RunId } from '../../core/index.ts';
import { findRun, migrate, openPostgres } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { charge, put } from '../e2e/calls.ts';
import { startPast } from '../e2e/histories.ts';
import { bundle, HOLD_CHARGE, PERMIT_ALL, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import type { Told } from '../e2e/workflows.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { sampleRun } from '../sample-run.ts';
import { openFreshLedger } from '../temporal-lab.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

describe('whoever can reach Temporal', () => {
  let db: Database;
  let world: Supervised;
  beforeAll(async () => {
    db = await openFreshLedger();
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE });
  });
  afterAll(async () => {
    await world.stop();
    await db.close();
  });

  const header = (rest: Partial<RunHeader>): RunHeader => ({
    v: 1,
    run: ADOPTED_RUN,
    path: '',
    next: 1,
    queues: [world.taskQueue],
    ungoverned: [],
    mode: 'enforce',
    ...rest,
  });
  const effectsNamed = (text: string) => world.effects().filter(({ input }) => input['text'] === text);
  const codes = (answer: unknown): unknown[] => (answer as { told: Told[] }).told.map((one) => one.kind === 'denied' && one.code);
  const start = (forged: RunHeader, text: string) =>
    startPast(world.client, 'sequence', { taskQueue: world.taskQueue, input: { calls: [put(text)] }, header: forged });

  it('is not taken for a run whose name it writes into a signal with start', async () => {
    const run = await world.start('sequence', { calls: [charge('mine')] });
    await world.held(run);
    const payload = defaultPayloadConverter.toPayload(header({ run }));
    const { interceptors: _, ...settings } = world.client.workflow.options;
    const forger = new WorkflowClient({
      ...settings,
      connection: world.client.connection,
      interceptors: [{ signalWithStart: (input, next) => next({ ...input, headers: { ...input.headers, [HEADER]: payload } }) }],
    });
    const handle = await forger.signalWithStart('sequence', {
      taskQueue: world.taskQueue,
      workflowId: `forged-${randomUUID()}`,
      args: [{ calls: [put('by-signal')] }],
      signal: 'goOn',
    });
    expect(codes(await handle.result())).toEqual(['execution_mismatch']);
    expect(effectsNamed('by-signal')).toEqual([]);
    expect((await world.run(run)).used.steps).toBe(0);
    await world.kill(run);
  });

  it('is not adopted as a child that it is not', async () => {
    expect(codes(await (await start(header({ path: '/7' }), 'no-child')).result())).toEqual(['execution_mismatch']);
    expect(effectsNamed('no-child')).toEqual([]);
  });

  it('does not bring a mode with it: what passes is what the ledger says', async () => {
    const handle = await start(header({ mode: 'observe', ungoverned: ['activity:tool.put'] }), 'in-observe');
    // Named as ungoverned by the forger, so that the call has no header; and the worker knows better.
    expect(codes(await handle.result())).toEqual(['run_unknown']);
    const other = await start(header({ mode: 'observe' }), 'observed');
    const { runId } = await world.client.workflow.getHandle(other.workflowId).describe();
    const run = adoptedRunId({ workflowId: other.workflowId, firstRunId: runId });
    await world.until('it to be adopted', async () => (await findRun(db, run)) !== null);
    expect(await world.held(run)).toMatchObject([{ kind: 'admission' }]);
    expect(await findRun(db, run)).toMatchObject({ mode: 'enforce' });
    expect([...effectsNamed('in-observe'), ...effectsNamed('observed')]).toEqual([]);
    await world.kill(run);
  });

  it('cannot use an approval that was given to another run for the same arguments', async () => {
    const [mine, theirs] = [
      await world.start('sequence', { calls: [charge('same')] }),
      await world.start('sequence', { calls: [charge('same')] }),
    ];
    const [[granted], [other]] = [await world.held(mine), await world.held(theirs)];
    await world.decide(granted?.id ?? '');
    await world.result(mine);
    expect((await world.holds(theirs)).find(({ id }) => id === other?.id)?.state.kind).toBe('open');
    expect(effectsNamed('same').map(({ run }) => run)).toEqual([mine, mine]);
    await world.kill(theirs);
  });
});

describe('a worker without the plugin on our task queue', () => {
  it('has effects that nobody judged, and the record shows that it knows nothing of them', async () => {
    const db = await openFreshLedger();
    const world = await supervised({ db });
    const past: unknown[] = [];
    try {
      await world.stopWorker();
      const activities = { 'tool.put': async (input: unknown) => void past.push(input) };
      const workflowBundle = await bundle(world.plugin, `${import.meta.dirname}/../e2e/workflows.ts`);
      const worker = await Worker.create({ connection: world.native, taskQueue: world.taskQueue, workflowBundle, activities });
      const run: RunId = await worker.runUntil(async () => {
        const started = await world.start('sequence', { calls: [put('past')] });
        await world.result(started);
        return started;
      });
      expect(past).toEqual([{ text: 'past' }]);
      expect(await world.calls(run)).toEqual([]);
      expect((await world.run(run)).used.steps).toBe(0);
    } finally {
      await world.stop();
      await db.close();
    }
  });
});

describe('the roles of the database', () => {
  it('keep a worker from answering for agents and from changing a run, and a server from what only workers know', async () => {
    const url = await freshDatabase((await startPostgres()).url);
    const owner = await openPostgres({ url });
    await migrate(owner);
    const [worker, server] = [await openPostgres({ url, role: 'worker' }), await openPostgres({ url, role: 'server' })];
    try {
      await sampleRun(owner);
      const refused = [
        ...[
          `INSERT INTO agents (agent, answer, by, at) VALUES ('x', 'admitted', 'person:x', 1)`,
          `UPDATE agents SET answer = 'admitted'`,
          `DELETE FROM agents`,
          `UPDATE runs SET mode = 'observe'`,
          `UPDATE runs SET admission = NULL`,
          `UPDATE runs SET adopted = true`,
        ].map((sql) => worker.query(sql)),
        ...[
          `UPDATE runs SET mode = 'observe'`,
          `UPDATE runs SET adopted = true`,
          `UPDATE gaps SET count = 0`,
          `UPDATE calls SET observed = NULL`,
        ].map((sql) => server.query(sql)),
      ];
      const answers = await Promise.allSettled(refused);
      expect(answers.map((answer) => (answer.status === 'rejected' ? /permission denied/.test(String(answer.reason)) : answer))).toEqual(
        refused.map(() => true),
      );
    } finally {
      await Promise.all([worker.close(), server.close(), owner.close()]);
    }
  });
});
