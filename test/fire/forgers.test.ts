import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ActivityClient, ActivityNotFoundError, Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { bundleWorkflowCode, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adoptedRunId } from '../../activities/gate/adoption.ts';
import { ADOPTED_RUN, canonical, completeLimits, FAILURES, HEADER } from '../../core/index.ts';
import type { CallHeader, RunHeader, RunId, StepKey } from '../../core/index.ts';
import { createRun, findRun, LedgerError, migrate, openPostgres } from '../../ledger/index.ts';
import { charge, put } from '../e2e/calls.ts';
import { HOLD_CHARGE, PERMIT_ALL, SILENT, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import { describeLedgers } from '../ledgers.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { drawId } from '../sample-run.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

describeLedgers('a forger', (open) => {
  let world: Supervised;
  beforeAll(async () => {
    const db = await open();
    await migrate(db);
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE });
  });
  afterAll(() => world?.stop());

  const headerOf = (run: RunId, changes: Partial<RunHeader> = {}): RunHeader => ({
    v: 1,
    run,
    path: '',
    next: 1,
    queues: [],
    ungoverned: [],
    mode: 'enforce',
    ...changes,
  });
  /** Temporal's own client, which sends this header with whatever it starts. */
  const forging = (header: RunHeader): Client => {
    const headers = { [HEADER]: defaultPayloadConverter.toPayload(header) };
    return new Client({
      connection: world.client.connection,
      interceptors: {
        workflow: [
          {
            startWithDetails: (asked, next) => next({ ...asked, headers: { ...asked.headers, ...headers } }),
            signalWithStart: (asked, next) => next({ ...asked, headers: { ...asked.headers, ...headers } }),
          },
        ],
      },
    });
  };
  const starting = (calls: readonly object[], workflowId = `forged-${randomUUID()}`) => ({
    taskQueue: world.taskQueue,
    workflowId,
    args: [{ calls }] as [unknown],
  });
  const effectsOf = (text: string) => world.effects().filter(({ input }) => input['text'] === text);

  it.concurrent('who signals with start under the header of another run is told that it is not that run', async () => {
    const run = await world.start('sequence', { calls: [charge('borrowed')] });
    await world.held(run);
    const handle = await forging(headerOf(run)).workflow.signalWithStart('sequence', {
      ...starting([put('by signal'), charge('borrowed')]),
      signal: 'goOn',
    });
    expect(await handle.result()).toMatchObject({ told: [{ code: 'execution_mismatch' }, { code: 'execution_mismatch' }] });
    expect([...effectsOf('by signal'), ...effectsOf('borrowed')]).toEqual([]);
    expect((await world.calls(run)).map(({ key }) => key)).toEqual(['/1']);
    await world.kill(run);
  });

  it.concurrent('who says adopted with a path that it does not have is told so', async () => {
    const handle = await forging(headerOf(ADOPTED_RUN, { path: '/1' })).workflow.start('sequence', starting([put('misplaced')]));
    expect(await handle.result()).toMatchObject({ told: [{ kind: 'denied', code: 'execution_mismatch' }] });
    expect(effectsOf('misplaced')).toEqual([]);
  });

  it.concurrent('who says observe is adopted in enforce, and waits to be admitted', async () => {
    const forged = headerOf(ADOPTED_RUN, { mode: 'observe' });
    const handle = await forging(forged).workflow.start('sequence', starting([put('unseen')]));
    const run = adoptedRunId({ workflowId: handle.workflowId, firstRunId: handle.firstExecutionRunId });
    await world.until('it to be adopted', async () => (await findRun(world.db, run)) !== null);
    expect(await world.held(run)).toMatchObject([{ kind: 'admission' }]);
    expect(await world.run(run)).toMatchObject({ mode: 'enforce', admission: 'hold', requesters: [] });
    expect(effectsOf('unseen')).toEqual([]);
    await world.kill(run);
  });

  it.concurrent('who starts the execution of a run in enforce with a header in observe is held all the same', async () => {
    const run = drawId('run');
    const { taskQueue } = world;
    await createRun(world.db, {
      id: run,
      agent: 'tester',
      workflow: 'sequence',
      requesters: ['agent:tester'],
      labels: {},
      limits: completeLimits({}),
      workflowId: run,
      taskQueue,
      input: canonical(null),
    });
    await forging(headerOf(run, { mode: 'observe' })).workflow.start('sequence', starting([charge('watched only')], run));
    expect(await world.held(run)).toMatchObject([{ kind: 'approval', key: '/1' }]);
    expect(await world.run(run)).toMatchObject({ mode: 'enforce' });
    expect(effectsOf('watched only')).toEqual([]);
    await world.kill(run);
  });

  it.concurrent('who sends no header uses neither the grant nor the budget of a run that was approved for the same call', async () => {
    const approved = await world.start('sequence', { calls: [charge('alike')] });
    const [hold] = await world.held(approved);
    await world.decide(hold?.id ?? '');
    await world.result(approved);
    const { run } = await world.startElsewhere('sequence', { calls: [charge('alike')] });
    await world.until('it to be adopted', async () => (await findRun(world.db, run)) !== null);
    expect(await world.held(run)).toMatchObject([{ kind: 'admission' }]);
    expect(world.effects(run)).toEqual([]);
    expect(await world.run(approved)).toMatchObject({ used: { steps: 1 } });
    await world.kill(run);
  });

  it.concurrent('who completes the held call from outside decides nothing', async () => {
    const run = await world.start('sequence', { calls: [charge('completed')] });
    const [hold] = await world.held(run);
    const id = { workflowId: run, activityId: '1' };
    await expect(world.client.activity.complete(id, { text: 'completed' })).rejects.toBeInstanceOf(ActivityNotFoundError);
    expect((await world.holds(run)).map(({ state }) => state.kind)).toEqual(['open']);
    await world.decide(hold?.id ?? '', { choice: 'deny', note: 'no' });
    expect(await world.result(run)).toMatchObject({ told: [{ kind: 'denied' }] });
    expect(effectsOf('completed')).toEqual([]);
  });

  it.concurrent('who starts an activity without a workflow is refused, with the header of a run or without', async () => {
    const run = await world.start('sequence', { calls: [charge('stands alone')] });
    await world.held(run);
    const header: CallHeader = { v: 1, run, path: '', key: '/1' as StepKey };
    const headers = { [HEADER]: defaultPayloadConverter.toPayload(header) };
    for (const sent of [{}, headers]) {
      const client = new ActivityClient({
        connection: world.client.connection,
        interceptors: [{ start: (asked, next) => next({ ...asked, headers: { ...asked.headers, ...sent } }) }],
      });
      const alone = client.execute('tool.charge', {
        id: `alone-${randomUUID()}`,
        taskQueue: world.taskQueue,
        args: [{ text: 'stands alone' }],
        startToCloseTimeout: '10s',
        retry: { maximumAttempts: 1 },
      });
      await expect(alone).rejects.toMatchObject({ cause: { type: FAILURES.denied } });
    }
    expect(effectsOf('stands alone')).toEqual([]);
    expect((await world.run(run)).used.steps).toBe(0);
    await world.kill(run);
  });
});

describe('on Postgres', () => {
  it('a worker without the plugin on our queue does what it likes, and the run has no record of it', async () => {
    const db = await openPostgres({ url: await freshDatabase((await startPostgres()).url) });
    await migrate(db);
    const world = await supervised({ db });
    try {
      await world.stopWorker();
      const workflowBundle = await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, '../e2e/workflows.ts'), logger: SILENT });
      const happened: unknown[] = [];
      const activities = { 'tool.put': async (input: unknown) => Promise.resolve(happened.push(input)) };
      const plain = await Worker.create({ connection: world.native, taskQueue: world.taskQueue, workflowBundle, activities });
      const run = await plain.runUntil(async () => {
        const started = await world.start('sequence', { calls: [put('past the gate')] });
        await world.result(started);
        return started;
      });
      expect(happened).toEqual([{ text: 'past the gate' }]);
      expect(await world.calls(run)).toEqual([]);
      expect(await world.run(run)).toMatchObject({ used: { steps: 0 } });
    } finally {
      await world.stop();
      await db.close();
    }
  });

  it('neither role writes to what the other answers for', async () => {
    const url = await freshDatabase((await startPostgres()).url);
    const owner = await openPostgres({ url });
    await migrate(owner);
    const worker = await openPostgres({ url, role: 'worker' });
    const server = await openPostgres({ url, role: 'server' });
    const forbidden = [
      [worker, `INSERT INTO agents (agent, answer, by, at) VALUES ('mine', 'admitted', 'me', 1)`],
      [worker, `UPDATE agents SET answer = 'admitted'`],
      [worker, 'DELETE FROM agents'],
      [worker, 'DELETE FROM gaps'],
      [server, `INSERT INTO gaps (hour, kind, action, count) VALUES (0, 'no_header', 'x', 1)`],
      [server, 'UPDATE gaps SET count = 0'],
      [server, 'DELETE FROM gaps'],
      ...[worker, server].flatMap((db) => [
        [db, `UPDATE runs SET mode = 'observe'`] as const,
        [db, 'UPDATE runs SET admission = NULL'] as const,
        [db, 'UPDATE runs SET adopted = false'] as const,
      ]),
    ] as const;
    try {
      for (const [db, sql] of forbidden) {
        const error: unknown = await db.query(sql).catch((thrown: unknown) => thrown);
        expect([sql, error instanceof LedgerError && /permission denied/.test(error.message)]).toEqual([sql, true]);
      }
    } finally {
      await Promise.all([worker.close(), server.close(), owner.close()]);
    }
  });
});
