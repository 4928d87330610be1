import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { ActivityInterceptorsFactory, WorkerOptions } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAction } from '../../activities/index.ts';
import { completeLimits } from '../../core/index.ts';
import { listCalls, LedgerError } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { startRun } from '../../operations/index.ts';
import { freshDatabase } from '../../test/real-postgres.ts';
import { openFreshLedger } from '../../test/temporal-lab.ts';
import { loadConfig } from '../config/load-config.ts';
import { holdpoint } from './plugin.ts';
import type { HoldpointOptions } from './plugin.ts';

const workflowsPath = join(import.meta.dirname, '../../test/e2e/workflows.ts');
const silent = (): void => undefined;
const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };
const seen: unknown[] = [];
const actions = {
  tool: {
    put: defineAction({
      summary: 'Put',
      input: z.strictObject({ text: z.string() }),
      output: z.string(),
      annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: false },
      run({ text }) {
        seen.push(text);
        return Promise.resolve(text);
      },
    }),
  },
};

let db: Database;
let folder: string;
let client: Client;
let native: NativeConnection;
let closing: () => Promise<unknown>;
beforeAll(async () => {
  const address = process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '';
  Runtime.install({ shutdownSignals: [], logger });
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-plugin-'));
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies/all.cedar'), '@id("all")\npermit (principal, action, resource);\n');
  db = await openFreshLedger();
  const connection = await Connection.connect({ address });
  native = await NativeConnection.connect({ address });
  client = new Client({ connection });
  // Workers that were refused were never run, and hold on to their connection.
  closing = () => Promise.all([connection.close(), native.close().catch(() => undefined), db.close()]);
});
afterAll(async () => {
  await closing();
  rmSync(folder, { recursive: true });
});

const config = () => loadConfig({ env: {}, cwd: folder });
const plugin = (rest: Partial<HoldpointOptions> = {}) => holdpoint({ actions, config: config(), ledger: db, ...rest });
const queue = (): string => `plugin-${Math.random().toString(36).slice(2)}`;
const start = async (taskQueue: string): Promise<string> => {
  const ask = {
    workflow: 'sequence',
    taskQueue,
    input: { calls: [{ action: 'tool.put', input: { text: 'sent' } }] },
    agent: 'a',
    requesters: [],
    labels: {},
    queues: [],
  };
  return (await startRun({ db, client }, { ...ask, limits: completeLimits({}) })).run;
};
const create = (options: Partial<WorkerOptions>): Promise<Worker> => Worker.create({ connection: native, taskQueue: queue(), ...options });

describe('a worker with the plugin', () => {
  it('bundles the waiting room, by the path of the workflows, and judges what the worker’s own interceptors made of the call', async () => {
    const changing: ActivityInterceptorsFactory = () => ({
      inbound: { execute: (input, next) => next({ ...input, args: [{ text: 'changed' }] }) },
    });
    const taskQueue = queue();
    const ours = plugin();
    const worker = await create({ taskQueue, workflowsPath, plugins: [ours], interceptors: { activity: [changing] } });
    const run = await start(taskQueue);
    await worker.runUntil(async () => {
      await ours.ready;
      expect(await client.workflow.getHandle(run).result()).toMatchObject({ told: [{ kind: 'returned', value: 'changed' }] });
    });
    const [call] = await listCalls(db, run);
    expect([call?.input, seen.at(-1)]).toEqual(['{"text":"changed"}', 'changed']);
    const history = await client.workflow.getHandle(run).fetchHistory();
    await Worker.runReplayHistory({ workflowsPath, plugins: [plugin()] }, history, run);
  });

  it('is not created on a bundle that was built without it, nor replayed on one', async () => {
    const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
    await expect(create({ workflowBundle, plugins: [plugin()] })).rejects.toMatchObject({
      code: 'worker_ungoverned',
      message: expect.stringMatching(/waiting room/) as string,
    });
    const history = { events: [] } as never;
    await expect(
      Worker.runReplayHistories({ workflowBundle, plugins: [plugin()] }, [{ workflowId: 'w', history }]).next(),
    ).rejects.toMatchObject({ code: 'worker_ungoverned' });
  });

  it('is not created where another plugin, of the worker or of its connection, comes after it', async () => {
    const after = {
      name: 'after',
      configureWorker: (options: WorkerOptions) => ({ ...options, activities: { ...options.activities, 'tool.put': silent } }),
    };
    await expect(create({ workflowsPath, plugins: [plugin(), after as never] })).rejects.toMatchObject({
      code: 'worker_ungoverned',
      message: expect.stringMatching(/after/) as string,
    });
    const connection = await NativeConnection.connect({ address: process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '', plugins: [after] });
    await expect(create({ connection, workflowsPath, plugins: [plugin()] })).rejects.toMatchObject({ code: 'worker_ungoverned' });
    await connection.close();
  });

  it.each([
    [
      'policies that do not load',
      async () => {
        const bad = join(folder, 'bad');
        mkdirSync(join(bad, 'policies'), { recursive: true });
        writeFileSync(join(bad, 'policies/bad.cedar'), 'permit (principal, action == Action::"tool.pot", resource);');
        return Promise.resolve({ config: loadConfig({ env: {}, cwd: bad }) });
      },
      {},
    ],
    [
      'a ledger that is away',
      () =>
        Promise.resolve({
          ledger: {
            ...db,
            transaction: () => Promise.reject(new LedgerError('ledger_away', 'gone')),
            query: () => Promise.reject(new LedgerError('ledger_away', 'gone')),
          },
        }),
      { code: 'ledger_away' },
    ],
    ['no ledger named', () => Promise.resolve({ ledger: undefined as never }), { code: 'ledger_not_named' }],
    [
      'a ledger that nobody migrated',
      async () => {
        const url = await freshDatabase(process.env['HOLDPOINT_TEST_POSTGRES'] ?? '');
        // Its role is of the cluster, and was made for another database.
        return { ledger: undefined as never, config: loadConfig({ env: { DATABASE_URL: url }, cwd: folder }) };
      },
      { code: 'ledger_failed' },
    ],
    [
      'a ledger of a later release',
      async () => {
        const later = await openFreshLedger();
        await later.query(`INSERT INTO migrations VALUES (99, 'later', 0)`);
        const [row] = await later.query<{ name: string }>('SELECT current_database() AS name');
        await later.close();
        const url = new URL(process.env['HOLDPOINT_TEST_POSTGRES'] ?? '');
        url.pathname = `/${row?.name ?? ''}`;
        return { ledger: undefined as never, config: loadConfig({ env: { DATABASE_URL: url.href }, cwd: folder }) };
      },
      { code: 'ledger_newer' },
    ],
  ])('does not become ready with %s, and takes no task', async (_, options, refused) => {
    const ours = plugin(await options());
    const taskQueue = queue();
    const worker = await create({ taskQueue, workflowsPath, plugins: [ours] });
    const run = await start(taskQueue);
    const [ready, running] = await Promise.allSettled([ours.ready, worker.run()]);
    expect([ready.status, running.status]).toEqual(['rejected', 'rejected']);
    expect((ready as PromiseRejectedResult).reason).toMatchObject(refused);
    const { events } = await client.workflow.getHandle(run).fetchHistory();
    expect(events).toHaveLength(2);
    await client.workflow.getHandle(run).terminate();
  });
});
