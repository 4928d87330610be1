import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Worker } from '@temporalio/worker';
import type { WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adoptedRunId } from '../../activities/gate/adoption.ts';
import { findRun, LedgerError, listCalls, listGaps, listObserved, migrate } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { holdpoint, loadConfig } from '../../runtime/index.ts';
import { describeLedgers } from '../ledgers.ts';
import { charge, put } from './calls.ts';
import { shipped } from './observed-workflows.ts';
import type { ShopActivities } from './observed-workflows.ts';
import { HOLD_CHARGE, PERMIT_ALL, quiet, SILENT, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';

describeLedgers('an installation in observe', (open) => {
  let world: Supervised;
  beforeAll(async () => {
    const db = await open();
    await migrate(db);
    const forbid = '@id("no-put") @reason("Nothing is put") forbid (principal, action == Action::"tool.put", resource);\n';
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE + forbid, config: { mode: 'observe' } });
  });
  afterAll(() => world.stop());

  it('lets pass what it would hold, deny and stop, and reports it with whom it would have asked', async () => {
    const calls = [put('a'), charge('b'), charge('c'), charge('d')];
    const run = await world.start('sequence', { calls }, { limits: { steps: 3, failures: 2 } });
    expect(await world.result(run)).toMatchObject({ told: calls.map(() => ({ kind: 'returned' })) });
    expect(world.effects(run).filter(({ phase }) => phase === 'done')).toHaveLength(4);
    expect(await world.run(run)).toMatchObject({ mode: 'observe', used: { steps: 4 }, limits: { steps: 3 }, openHolds: 0 });
    expect((await world.calls(run)).map(({ observed, verdict }) => [verdict, observed?.verdict, observed?.what])).toEqual([
      ['allow', 'deny', 'policy_forbids'],
      ['allow', 'hold', 'approval'],
      ['allow', 'hold', 'approval'],
      ['allow', 'hold', 'breaker'],
    ]);
    const { groups, totals } = await listObserved(world.db, { since: 0, agent: 'tester', limit: 50 });
    expect(totals).toEqual({ calls: 4, runs: 1, agents: 1 });
    expect(groups.find(({ what }) => what === 'approval')).toMatchObject({
      agent: 'tester',
      action: 'tool.charge',
      calls: 2,
      runs: 1,
      policies: ['charge-asks'],
      asks: ['approvers'],
    });
    expect(groups.find(({ what }) => what === 'policy_forbids')).toMatchObject({ calls: 1, policies: ['no-put'], asks: [] });
  });

  it('stops a run that an operator kills', async () => {
    const run = await world.start('sequence', { calls: [charge('w', { end: 'wait' }), put('after')] });
    await world.until('the effect to begin', async () => world.effects(run).length > 0);
    await world.kill(run);
    await world.closed(run);
    expect(world.effects(run).map(({ input }) => input['text'])).toEqual(['w']);
  });
});

describeLedgers('the plugin in observe, on a worker of an application that knows nothing of it', (open) => {
  let db: Database;
  let away = false;
  let client: Client;
  let native: NativeConnection;
  let plainBundle: WorkflowBundle;
  const did: string[] = [];
  const flaky = new Map<string, number>();
  const activities: ShopActivities = {
    charge: (order, cents) => Promise.resolve(did.push(`charge ${order} ${cents}`) > 0 ? `receipt of ${order}` : ''),
    notify: async (order) => void did.push(`notify ${order}`),
    async flaky(order) {
      const attempt = (flaky.get(order) ?? 0) + 1;
      flaky.set(order, attempt);
      if (attempt < 3) throw new Error('not yet');
      return attempt;
    },
    broken: async () => {
      throw ApplicationFailure.create({ type: 'CardDeclined', message: 'declined', nonRetryable: true });
    },
  };
  const workflowsPath = join(import.meta.dirname, 'observed-workflows.ts');
  const config = (() => {
    const folder = mkdtempSync(join(tmpdir(), 'holdpoint-observe-'));
    writeFileSync(
      join(folder, 'holdpoint.config.yaml'),
      JSON.stringify({ mode: 'observe', people: { ops: {} }, groups: { operators: ['ops'] } }),
    );
    return loadConfig({ env: {}, cwd: folder });
  })();

  beforeAll(async () => {
    quiet();
    db = await open();
    await migrate(db);
    const address = process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '';
    native = await NativeConnection.connect({ address });
    client = new Client({ connection: await Connection.connect({ address }) });
    plainBundle = await bundleWorkflowCode({ workflowsPath, logger: SILENT });
  });
  afterAll(async () => {
    await native.close();
    await client.connection.close();
  });

  /** As the application's own worker, or as the same with the plugin. */
  async function work(taskQueue: string, kind: 'plain' | 'observed'): Promise<() => Promise<void>> {
    const broken = (): never => {
      throw new LedgerError('ledger_away', 'away');
    };
    const ledger: Database = {
      ...db,
      query: (...ask) => (away ? Promise.resolve().then(broken) : db.query(...ask)),
      transaction: (body) => (away ? Promise.resolve().then(broken) : db.transaction(body)),
    };
    const plugin = holdpoint({ actions: {}, config, ledger });
    const plugins = kind === 'plain' ? [] : [plugin];
    const workflowBundle = kind === 'plain' ? plainBundle : await bundleWorkflowCode({ workflowsPath, plugins, logger: SILENT });
    const settings = { connection: native, taskQueue, workflowBundle, activities: { ...activities }, plugins };
    // What a stopped worker left to itself is soon given to the next.
    const worker = await Worker.create({ ...settings, stickyQueueScheduleToStartTimeout: '1s' });
    const working = worker.run();
    if (kind === 'observed') await plugin.ready;
    return async () => {
      worker.shutdown();
      await working;
    };
  }

  const start = (taskQueue: string, workflow: string, id: string) =>
    client.workflow.start(workflow, { taskQueue, workflowId: id, args: [id] });
  const fresh = (name: string): string => `${name}-${Math.random().toString(36).slice(2)}`;
  const done = async (line: string): Promise<void> => {
    while (!did.includes(line)) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const scheduled = async (handle: Awaited<ReturnType<typeof start>>): Promise<unknown[]> =>
    ((await handle.fetchHistory()).events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);

  it('is added while a workflow is in flight, and nothing changes but that its calls are seen', async () => {
    const queue = fresh('add');
    const before = await work(queue, 'plain');
    const id = fresh('order');
    const handle = await start(queue, 'order', id);
    await done(`charge ${id} 250`);
    await before();
    const after = await work(queue, 'observed');
    await handle.signal(shipped);
    expect(await handle.result()).toBe(`receipt of ${id}`);
    await after();
    const run = adoptedRunId({ workflowId: id, firstRunId: handle.firstExecutionRunId });
    // The step before the plugin came keeps its number.
    expect((await listCalls(db, run)).map(({ key, action, observed }) => [key, action, observed?.what])).toEqual([
      ['/2', 'notify', 'action_undeclared'],
    ]);
    expect(await findRun(db, run)).toMatchObject({ agent: 'order', mode: 'observe', requesters: [] });
  });

  it('is taken away while a workflow is in flight, whose history is as it would have been without it', async () => {
    const queue = fresh('remove');
    const before = await work(queue, 'observed');
    const id = fresh('order');
    const handle = await start(queue, 'order', id);
    await done(`charge ${id} 250`);
    await before();
    const after = await work(queue, 'plain');
    await handle.signal(shipped);
    expect(await handle.result()).toBe(`receipt of ${id}`);
    await after();
    expect(await scheduled(handle)).toEqual(['charge', 'notify']);
    await Worker.runReplayHistory({ workflowBundle: plainBundle }, await handle.fetchHistory(), id);
  });

  it('leaves retries and errors as they are', async () => {
    const queue = fresh('errors');
    const stop = await work(queue, 'observed');
    expect(await (await start(queue, 'retries', fresh('retries'))).result()).toBe(3);
    expect(await (await start(queue, 'breaks', fresh('breaks'))).result()).toEqual({ type: 'CardDeclined', message: 'declined' });
    await stop();
  });

  it('lets calls pass while the ledger is away, and counts them once it is back', async () => {
    const queue = fresh('away');
    const stop = await work(queue, 'observed');
    away = true;
    try {
      expect(await (await start(queue, 'retries', fresh('retries'))).result()).toBe(3);
    } finally {
      away = false;
    }
    await stop();
    expect((await listGaps(db, 0)).find(({ kind, action }) => kind === 'ledger_away' && action === 'flaky')).toMatchObject({ count: 3 });
  });
});

describe('an activity that no workflow with the plugin has scheduled', () => {
  it('passes in observe, and is counted as a gap', async () => {
    const { openFreshLedger } = await import('../temporal-lab.ts');
    const db = await openFreshLedger();
    const world = await supervised({ db, config: { mode: 'observe' } });
    try {
      const { workflowId } = await headerless(world);
      expect(await world.client.workflow.getHandle(workflowId).result()).toMatchObject({ told: [{ kind: 'returned' }] });
      await world.stopWorker();
      expect(await listGaps(db, 0)).toMatchObject([{ kind: 'no_header', action: 'tool.look', count: 1 }]);
    } finally {
      await world.stop();
      await db.close();
    }
  });

  /** Its workflow runs on a worker without the plugin, and its activity on one with it. */
  async function headerless(world: Supervised): Promise<{ workflowId: string }> {
    const taskQueue = `plain-${world.taskQueue}`;
    const bundle = await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'observed-elsewhere.ts'), logger: SILENT });
    const worker = await Worker.create({ connection: world.native, taskQueue, workflowBundle: bundle });
    const workflowId = `headerless-${taskQueue}`;
    await worker.runUntil(async () => {
      await world.client.workflow.execute('elsewhere', { taskQueue, workflowId, args: [world.taskQueue] });
    });
    return { workflowId };
  }
});
