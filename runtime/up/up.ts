import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime } from '@temporalio/worker';
import type { RunId } from '../../core/index.ts';
import { listRuns } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { createApp } from '../../server/index.ts';
import { loadConfig } from '../config/load-config.ts';
import { assemble } from '../installation/assemble.ts';
import { listen } from '../installation/listen.ts';
import { openLocalLedger } from '../installation/open-ledger.ts';
import { temporalSettings } from '../production/connect.ts';
import { aborted } from '../production/run-server.ts';
import { ensureTemporalServer } from '../temporal-server/index.ts';
import { renderPlaces, renderReady } from './banner.ts';
import { exampleRun } from './example-run.ts';
import { followRun } from './follow-run.ts';
import { lockHome, refuseUsedHome } from './home-lock.ts';
import { ensureLocalToken, withLocalPeople } from './local-people.ts';
import { exampleProject, ownProject } from './project.ts';
import type { Example } from './project.ts';
import { fileLogger } from './quiet-logger.ts';
import { createTeardown } from '../teardown.ts';
import type { Teardown } from '../teardown.ts';
import { createEmbeddedWorker } from './worker.ts';

export interface UpOptions {
  /** `--repo`: the repository that the release example works on; default: the folder it runs in. */
  readonly repo?: string | undefined;
  /** `--example`; default: the project's own worker where one is configured, else `release`. */
  readonly example?: Example | undefined;
  readonly config?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly print: (line: string) => void;
  /** How people call this program. */
  readonly program: string;
  /** Ends it; the promise resolves when everything is stopped. */
  readonly signal: AbortSignal;
}

/**
 * Everything on one machine: Temporal, ledger, worker, API and an example run, until the signal. Throws `Refusal`
 * when a part cannot be had; whatever was started by then is stopped.
 */
export async function up(options: UpOptions): Promise<void> {
  const teardown = createTeardown();
  const stop = (): void => {
    options.print('\nStopping…');
    void teardown.run();
  };
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    const { working } = await start(options, teardown);
    // A worker that ends by itself leaves nothing that would be worth keeping up.
    await Promise.race([aborted(options.signal), working]);
  } catch (error) {
    // Parts that end because they are being stopped are no failure.
    if (!options.signal.aborted) throw error;
  } finally {
    await teardown.run();
  }
  options.print('Stopped; nothing is lost. Started again, what waits goes on waiting.');
}

/** `working` = until the worker ends. */
async function start(options: UpOptions, teardown: Teardown): Promise<{ readonly working: Promise<void> }> {
  const { env, cwd, print, program } = options;
  const config = withLocalPeople(loadConfig({ file: options.config, env, cwd }));
  const { home, port, databaseUrl } = config.environment;
  await refuseUsedHome(home);
  // The port before anything of the state folder is touched.
  const listening = await listen(config.server.bind, port);
  teardown.add('API', () => listening.close());
  teardown.add('state folder', await lockHome(home));
  // The SDK would otherwise end the process on its own terms, and its native part write into the terminal.
  const logger = fileLogger(join(home, 'worker.log'));
  Runtime.install({ shutdownSignals: [], logger, telemetryOptions: { logging: { filter: 'WARN', forward: {} } } });

  const [temporal, ledger] = await together(
    ensureTemporalServer({ home: join(home, 'temporal'), env, log: print }).then((server) => {
      teardown.add('Temporal', () => server.stop());
      return server;
    }),
    openLocalLedger(home, databaseUrl).then((opened) => {
      teardown.add('ledger', () => opened.db.close());
      return opened;
    }),
  );
  options.signal.throwIfAborted();
  const { db } = ledger;
  const { address, namespace } = temporal;
  const example = options.example ?? (config.worker === null ? 'release' : null);
  // Whichever example is asked for: the clone that a waiting release works in is left as it is.
  const releasing = await openRun(db, 'release');
  const project =
    example === null && config.worker !== null
      ? await ownProject(config, config.worker)
      : await exampleProject(example ?? 'release', { home, repo: options.repo ?? null, cwd, keep: releasing !== null });
  const open = project.example === null ? null : project.example.name === 'release' ? releasing : await openRun(db, project.example.name);
  const effective = { ...config, policies: project.policies };

  // A server of somebody else's may need TLS and keys; ours needs neither, whatever the environment says of that one.
  const settings = temporal.route === 'address' ? temporalSettings(config, address, env).connection : { address };
  const [connection, native] = await together(
    Connection.connect(settings).then((opened) => {
      teardown.add('Temporal client', () => opened.close());
      return opened;
    }),
    NativeConnection.connect(settings).then((opened) => {
      teardown.add('Temporal connection', () => opened.close());
      return opened;
    }),
  );
  const client = new Client({ connection, namespace });
  const log = { info: () => undefined, warn: (message: string) => print(`warning: ${message}`) };
  options.signal.throwIfAborted();
  const { server, reconciler, policies } = assemble({ db, client, config: effective, starter: 'agent', log });
  const { worker, plugin } = await createEmbeddedWorker({ native, namespace, project, config: effective, db });
  const working = worker.run();
  working.catch(() => undefined);
  teardown.add('worker', async () => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await working.catch(() => undefined);
  });
  await plugin.ready;
  options.signal.throwIfAborted();
  await policies.refresh();
  const stopPolicies = policies.keepFresh(log.warn);
  teardown.add('policies', () => Promise.resolve(stopPolicies()));
  reconciler.start();
  teardown.add('reconciler', () => reconciler.stop());

  await ensureLocalToken(db, home, config);
  writeFileSync(join(home, 'server.json'), JSON.stringify({ url: listening.url, pid: process.pid }));
  teardown.add('server.json', () => Promise.resolve(rmSync(join(home, 'server.json'), { force: true })));
  listening.serve(createApp(server));

  const started = project.example === null ? null : await exampleRun(project.example, server, open);
  print(renderReady({ url: listening.url, started, project, program, home: env['HOLDPOINT_HOME'] ? home : null }));
  print(
    renderPlaces({
      home,
      ledger: ledger.where,
      temporal: `${address} (${temporal.route})`,
      url: listening.url,
      policies: effective.policies,
      program,
      own: project.example === null,
    }),
  );
  if (started !== null)
    void followRun({ run: started.run, home, url: listening.url, temporal: client, print, program, signal: options.signal }).catch(
      (error: unknown) => log.warn(`the run is not followed here any more: ${error instanceof Error ? error.message : String(error)}`),
    );
  return { working };
}

/** As `Promise.all`, but nothing is still on its way when one has failed: what came has its place in the teardown by then. */
async function together<A, B>(one: Promise<A>, other: Promise<B>): Promise<readonly [A, B]> {
  await Promise.allSettled([one, other]);
  return await Promise.all([one, other]);
}

/** The newest run of a workflow that still goes on, or waits; a killed one does neither. */
async function openRun(db: Database, workflow: string): Promise<RunId | null> {
  const { items } = await listRuns(db, { workflow }, { limit: 20, cursor: null });
  return items.find((run) => run.closed === null && run.fencedAt === null)?.id ?? null;
}
