import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createToken, migrate, openPglite, openPostgres } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { holdpoint, loadConfig } from '../../runtime/index.ts';
import type { ActionTree, Config } from '../../runtime/index.ts';
import { assemble } from '../../runtime/installation/assemble.ts';
import { listen } from '../../runtime/installation/listen.ts';
import { createApp, hashToken } from '../../server/index.ts';

/** What a process of an installation is told that is killed and started again. */
export interface PartOptions {
  /** Holds the configuration, the policies, and the records of the tools. */
  readonly folder: string;
  readonly parts: readonly ('worker' | 'server')[];
  /** URL of a migrated Postgres; null = PGlite in the folder. */
  readonly postgres: string | null;
  /** `host:port` of Temporal. */
  readonly temporal: string;
  readonly taskQueue: string;
  /** File of the bundled workflows. */
  readonly bundle: string;
  /** The API's token of `person:ops`. */
  readonly token: string;
}

export interface PartSetup {
  readonly actions: ActionTree;
  /** What stands between the ledger and who uses it. Default: nothing. */
  readonly workerLedger?: (db: Database) => Database;
  readonly serverLedger?: (db: Database) => Database;
  /** Whether the server wakes, stops and closes. */
  readonly reconciles: boolean;
}

/** Runs a worker, a server, or both in this process, and prints one line of JSON as soon as they are ready: the API's `url`, or null. */
export async function runPart(options: PartOptions, setup: PartSetup): Promise<void> {
  const silent = (): void => undefined;
  const logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };
  Runtime.install({ shutdownSignals: [], logger });
  const { folder, parts, postgres } = options;
  const config = loadConfig({ env: {}, cwd: folder });
  const [role] = parts.length === 1 ? parts : [];
  const db = await (postgres === null
    ? openPglite({ folder: join(folder, 'ledger') })
    : openPostgres({ url: postgres, ...(role && { role }) }));
  if (postgres === null) await migrate(db);
  if (parts.includes('worker')) await work(options, setup, config, db);
  const url = parts.includes('server') ? await serve(options, setup, config, db) : null;
  console.log(JSON.stringify({ url }));
}

async function work(options: PartOptions, { actions, workerLedger = asItIs }: PartSetup, config: Config, db: Database): Promise<void> {
  const plugin = holdpoint({ actions, config, ledger: workerLedger(db) });
  const connection = await NativeConnection.connect({ address: options.temporal });
  const { taskQueue, bundle } = options;
  const worker = await Worker.create({ connection, taskQueue, workflowBundle: { codePath: bundle }, plugins: [plugin] });
  worker.run().then(() => process.exit(0), fail);
  process.once('SIGTERM', () => worker.shutdown());
  await plugin.ready;
}

/** API and reconciler; gives the API's URL. */
async function serve(
  { temporal, token }: PartOptions,
  { serverLedger = asItIs, reconciles }: PartSetup,
  config: Config,
  ledger: Database,
): Promise<string> {
  const db = serverLedger(ledger);
  const client = new Client({ connection: await Connection.connect({ address: temporal }) });
  const log = { info: () => undefined, warn: (message: string) => console.error(message) };
  const { server, reconciler } = assemble({ db, client, config, starter: 'agent', log });
  await createToken(db, { id: 'token-ops', hash: hashToken(token), principal: 'person:ops', kind: 'person', name: 'ops' });
  if (reconciles) reconciler.start();
  const listening = await listen('127.0.0.1', 0);
  listening.serve(createApp(server));
  return listening.url;
}

function asItIs(db: Database): Database {
  return db;
}

export function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
