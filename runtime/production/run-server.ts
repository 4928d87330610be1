import { Client, Connection } from '@temporalio/client';
import { migrate, openPostgres } from '../../ledger/index.ts';
import { createApp } from '../../server/index.ts';
import { loadConfig } from '../config/load-config.ts';
import { assemble } from '../installation/assemble.ts';
import { listen } from '../installation/listen.ts';
import { refusing } from '../installation/open-ledger.ts';
import { createTeardown } from '../teardown.ts';
import { reaching, temporalSettings } from './connect.ts';
import { requireProduction } from './requirements.ts';

export interface ProductionOptions {
  readonly config?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** API and reconciler, on Postgres and Temporal that were named. Any number of them may run. Throws `Refusal`. */
export async function runServer(options: ProductionOptions): Promise<void> {
  const { env, cwd, print, signal } = options;
  const config = loadConfig({ file: options.config, env, cwd });
  const { databaseUrl, temporalAddress } = requireProduction(config, 'server');
  const teardown = createTeardown();
  try {
    const listening = await listen(config.server.bind, config.environment.port);
    teardown.add('API', () => listening.close());
    await migrated(databaseUrl);
    const db = await refusing(openPostgres({ url: databaseUrl, role: 'server' }));
    teardown.add('ledger', () => db.close());
    const { connection, namespace } = temporalSettings(config, temporalAddress, env);
    const temporal = await reaching(Connection.connect(connection), temporalAddress);
    teardown.add('Temporal', () => temporal.close());
    const log = { info: print, warn: (message: string) => print(`warning: ${message}`) };
    const { server, reconciler, policies } = assemble({
      db,
      client: new Client({ connection: temporal, namespace }),
      config,
      starter: 'person',
      log,
    });
    await policies.refresh().catch((error: unknown) => log.warn(`the policies were not read: ${String(error)}`));
    const stopPolicies = policies.keepFresh(log.warn);
    teardown.add('policies', () => Promise.resolve(stopPolicies()));
    reconciler.start();
    teardown.add('reconciler', () => reconciler.stop());
    listening.serve(createApp(server));
    print(`Holdpoint serves ${listening.url}/api/v1`);
    await aborted(signal);
  } finally {
    await teardown.run();
  }
}

/** With the URL's own role: the server's may not change the schema. */
async function migrated(url: string): Promise<void> {
  const db = await refusing(openPostgres({ url, poolSize: 1 }));
  try {
    await refusing(migrate(db));
  } finally {
    await db.close();
  }
}

export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
