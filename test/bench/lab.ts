import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createDirectory, decide } from '../../approvals/index.ts';
import { completeLimits } from '../../core/index.ts';
import type { HoldId, RunId } from '../../core/index.ts';
import { migrate, openPglite, openPostgres } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { createReconciler, createWakeDeliverer, startRun } from '../../operations/index.ts';
import { holdpoint, loadConfig } from '../../runtime/index.ts';
import { ensureTemporalServer } from '../../runtime/temporal-server/index.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { bench, rawActivities } from './actions.ts';

/** A way to run workflows: plain Temporal, or supervised on one of the ledgers. */
export interface Setting {
  readonly name: 'raw' | 'postgres' | 'pglite';
  readonly db: Database | null;
  /** Starts a workflow and gives its id. */
  start(workflow: string, input: object): Promise<string>;
}

export interface Lab {
  readonly client: Client;
  readonly home: string;
  readonly raw: Setting;
  readonly postgres: Setting & { readonly db: Database };
  readonly pglite: Setting & { readonly db: Database };
  /** An empty database beside the one in use. */
  readonly ledgerUrl: string;
  approve(hold: HoldId): Promise<void>;
  stop(): Promise<void>;
}

const POLICIES = `
@id("steps") permit (principal, action, resource);
@id("asks") @hold("Measured") @approvers("approvers") forbid (principal, action == Action::"bench.held", resource);
`;
const MANY = 1_000_000;
const LIMITS = completeLimits({ steps: MANY, identical: MANY, time: 86_400_000 });
const WORKER = { maxConcurrentActivityTaskExecutions: 200, maxConcurrentWorkflowTaskExecutions: 100, maxCachedWorkflows: 1_000 } as const;

export async function openLab(): Promise<Lab> {
  const silent = (): void => undefined;
  const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };
  Runtime.install({ shutdownSignals: [], logger, telemetryOptions: { logging: { filter: 'ERROR', forward: {} } } });
  const home = mkdtempSync(join(tmpdir(), 'holdpoint-bench-'));
  mkdirSync(join(home, 'policies'));
  writeFileSync(join(home, 'policies', 'bench.cedar'), POLICIES);
  writeFileSync(
    join(home, 'holdpoint.config.yaml'),
    JSON.stringify({ people: { ada: {} }, groups: { approvers: ['ada'], operators: ['ada'] } }),
  );
  const config = loadConfig({ env: {}, cwd: home });
  const { TEMPORAL_ADDRESS: _, ...env } = process.env;
  const [temporal, server] = await Promise.all([ensureTemporalServer({ home: join(home, 'temporal'), env, log: silent }), startPostgres()]);
  const [postgresUrl, ledgerUrl] = await Promise.all([freshDatabase(server.url), freshDatabase(server.url)]);
  const pglite = await openPglite({ folder: join(home, 'ledger') });
  await Promise.all([migrateAt(postgresUrl), migrate(pglite)]);
  // With the roles that production has, whose connections are set up for what each does.
  const [connection, native, worker, keeper] = await Promise.all([
    Connection.connect({ address: temporal.address }),
    NativeConnection.connect({ address: temporal.address }),
    openPostgres({ url: postgresUrl, role: 'worker' }),
    openPostgres({ url: postgresUrl, role: 'server' }),
  ]);
  const client = new Client({ connection });
  const workflowsPath = join(import.meta.dirname, 'workflows.js');
  const stops: (() => Promise<void>)[] = [];

  async function work(worker: Worker): Promise<void> {
    const working = worker.run();
    stops.push(async () => {
      worker.shutdown();
      await working;
    });
  }

  async function supervised(name: 'postgres' | 'pglite', ledger: Database, db: Database): Promise<Setting & { readonly db: Database }> {
    const taskQueue = `bench-${name}`;
    const plugin = holdpoint({ actions: { bench }, config, ledger });
    const workflowBundle = await bundleWorkflowCode({ workflowsPath, plugins: [plugin], logger });
    await work(await Worker.create({ ...WORKER, connection: native, taskQueue, workflowBundle, plugins: [plugin] }));
    await plugin.ready;
    return {
      name,
      db,
      async start(workflow, input): Promise<RunId> {
        const ask = {
          workflow,
          taskQueue,
          input: input as never,
          agent: 'bench',
          requesters: ['agent:bench'],
          labels: {},
          limits: LIMITS,
          queues: [taskQueue],
        };
        return (await startRun({ db, client }, ask)).run;
      },
    };
  }

  const rawBundle = await bundleWorkflowCode({ workflowsPath, logger });
  await work(
    await Worker.create({ ...WORKER, connection: native, taskQueue: 'bench-raw', workflowBundle: rawBundle, activities: rawActivities }),
  );
  let started = 0;
  const raw: Setting = {
    name: 'raw',
    db: null,
    async start(workflow, input) {
      started += 1;
      return (await client.workflow.start(workflow, { taskQueue: 'bench-raw', workflowId: `raw-${started}`, args: [input] })).workflowId;
    },
  };
  const onPostgres = await supervised('postgres', worker, keeper);
  const onPglite = await supervised('pglite', pglite, pglite);
  const reconciler = createReconciler({
    db: keeper,
    client,
    deliverers: [createWakeDeliverer({ db: keeper, client })],
    log: { info: silent, warn: silent },
  });
  reconciler.start();
  const directory = createDirectory({ people: config.people, groups: config.groups });
  return {
    client,
    home,
    raw,
    postgres: onPostgres,
    pglite: onPglite,
    ledgerUrl,
    async approve(hold) {
      const ask = { hold, choice: 'approve', seenVersion: 1, note: null, raise: null, edit: null } as const;
      const storeResult = (): Promise<never> => Promise.reject(new Error('no result is given'));
      await decide({ db: keeper, directory, storeResult }, { principal: 'person:ada', kind: 'person' }, ask);
      reconciler.nudge();
    },
    async stop() {
      await reconciler.stop();
      await Promise.all(stops.map((stop) => stop()));
      await Promise.all([connection.close(), native.close(), worker.close(), keeper.close(), pglite.close()]);
      await Promise.all([temporal.stop(), server.stop()]);
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function migrateAt(url: string): Promise<void> {
  const owner = await openPostgres({ url });
  await migrate(owner);
  await owner.close();
}
