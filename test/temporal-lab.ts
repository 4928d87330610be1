import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { Json } from '../core/index.ts';
import { completeLimits } from '../core/index.ts';
import { migrate, openPostgres } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import type { RunAsk } from '../operations/index.ts';
import { freshDatabase, startPostgres } from './real-postgres.ts';

/** A client and a worker of `test/workflows/governed-runs.ts` on the server of the tests. */
export interface TemporalLab {
  readonly client: Client;
  readonly taskQueue: string;
  close(): Promise<void>;
}

export async function openTemporalLab(): Promise<TemporalLab> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger, telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } });
  const address = process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '';
  const [connection, clientConnection] = await Promise.all([NativeConnection.connect({ address }), Connection.connect({ address })]);
  const taskQueue = `governed-runs-${randomUUID()}`;
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: join(import.meta.dirname, 'workflows/governed-runs.ts'), logger });
  const worker = await Worker.create({ connection, taskQueue, workflowBundle, shutdownForceTime: 2_000 });
  const done = worker.run();
  return {
    client: new Client({ connection: clientConnection }),
    taskQueue,
    async close() {
      worker.shutdown();
      await done;
      await Promise.all([connection.close(), clientConnection.close()]);
    },
  };
}

/** A migrated ledger of its own on the tests' Postgres. */
export async function openFreshLedger(): Promise<Database> {
  const db = await openPostgres({ url: await freshDatabase((await startPostgres()).url) });
  await migrate(db);
  return db;
}

/** A run of `release-bot` asked for by `person:ada`. */
export function runAsk(lab: TemporalLab, workflow: string, input: Json = null): RunAsk {
  return {
    workflow,
    taskQueue: lab.taskQueue,
    input,
    agent: 'release-bot',
    requesters: ['person:ada'],
    labels: { team: 'core' },
    limits: completeLimits({}),
    queues: [],
  };
}
