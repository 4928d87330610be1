import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { InternalConnectionOptionsSymbol } from '@temporalio/client/lib/connection.js';
import type { InternalConnectionOptions } from '@temporalio/client/lib/connection.js';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { ActionTree } from '../activities/index.ts';
import { agentPrincipal, personPrincipal } from '../approvals/index.ts';
import type { Json, Millis, RunLimits } from '../core/index.ts';
import { migrate, openPglite } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { drawRunId } from '../operations/index.ts';
import { loadPolicies, readPolicyFolder } from '../policy/index.ts';
import { holdpoint, loadConfig } from '../runtime/index.ts';
import type { Config, HoldpointPlugin } from '../runtime/index.ts';
import { assemble, bundleWorkflows } from '../runtime/installation/index.ts';
import { createTeardown } from '../runtime/teardown.ts';
import { startTestServer } from '../runtime/temporal-server/index.ts';
import type { Fakes } from './action-names.ts';
import { createClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { recordEffects } from './effect-record.ts';
import { listBelowRoots } from './list-open.ts';
import { testRun } from './test-run.ts';
import type { TestRun } from './test-run.ts';
import { createWatch } from './watch.ts';

export interface TestEnvironmentOptions<Tree extends ActionTree> {
  /** What the worker may run, as `holdpoint({ actions })` takes it. */
  readonly actions: Tree;
  /** Path of the module that exports the workflows. */
  readonly workflows: string;
  /** Stands in for what an action does, or for what it reads before. */
  readonly fakes?: Fakes<Tree>;
  /** A `holdpoint.config.yaml`, for people, groups, limits, policies; default: none of them. */
  readonly config?: string;
  /** The text of Cedar policies, or their folder; default: those of `config`. */
  readonly policies?: string | { readonly folder: string };
  /** Who decides, by group; default: those of `config`. Everybody who is named here is one of the people. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** People of no group. */
  readonly people?: readonly string[];
  /** `host:port` of a running Temporal server, whose clock the test cannot move; default: a time-skipping one of its own. */
  readonly address?: string;
  /** How long an expectation waits before it fails, in milliseconds of real time. Default 20,000. */
  readonly patience?: Millis;
}

export interface TestStart {
  /** Default: `tester`. */
  readonly agent?: string;
  /** The person who asks for the run, and so may not decide its holds; default: nobody but the agent. */
  readonly requestedBy?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: those of `config`. Money in micro-USD, time in milliseconds. */
  readonly limits?: Partial<RunLimits>;
}

type WorkflowFunction = (input: never) => Promise<unknown>;
/** What is passed to a workflow; a workflow that takes nothing gets null. */
type InputTo<W extends WorkflowFunction> = Parameters<W> extends [] ? null : Parameters<W>[0];

/** A whole installation for tests: Temporal, a ledger in memory, a worker with the plugin, and the reconciler. */
export interface TestEnvironment<Tree extends ActionTree> {
  readonly clock: Clock;
  /** For signals, queries and whatever else Temporal offers. */
  readonly client: Client;
  /** The ledger, to look into. */
  readonly ledger: Database;
  readonly taskQueue: string;
  /** Starts a run of a workflow, given by itself, which gives it types, or by its name. */
  start<W extends WorkflowFunction>(workflow: W, input: InputTo<W>, start?: TestStart): Promise<TestRun<Tree, Awaited<ReturnType<W>>>>;
  start(workflow: string, input: Json, start?: TestStart): Promise<TestRun<Tree, unknown>>;
  /** Ends all that was started. */
  stop(): Promise<void>;
}

const PATIENCE: Millis = 20_000;

/**
 * Takes a few seconds: make one for a file of tests, and `stop` it afterwards. Throws `Refusal`: `temporal_unavailable`,
 * `worker_module`, `action_invalid`, and what is wrong with the configuration or the policies.
 */
export async function createTestEnvironment<Tree extends ActionTree>(
  options: TestEnvironmentOptions<Tree>,
): Promise<TestEnvironment<Tree>> {
  const teardown = createTeardown();
  try {
    return await create(options, teardown);
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function create<Tree extends ActionTree>(
  options: TestEnvironmentOptions<Tree>,
  teardown: ReturnType<typeof createTeardown>,
): Promise<TestEnvironment<Tree>> {
  const { actions, fakes = {}, workflows, patience = PATIENCE } = options;
  const { tree, registry, effects } = recordEffects(actions, fakes);
  const folder = await mkdtemp(join(tmpdir(), 'holdpoint-testing-'));
  teardown.add('folder', () => rm(folder, { recursive: true, force: true }));
  const taskQueue = `testing-${drawRunId()}`;
  const config = await configOf(options, folder, taskQueue);
  const manifests = [...registry.values()].map(({ manifest }) => manifest);
  // The worker will refuse them as well, seconds later.
  loadPolicies({ sources: await readPolicyFolder(config.policies), manifests, groups: config.groups });
  quiet();

  const [address, db, workflowBundle] = await all([
    options.address ?? startServer(teardown),
    openLedger(teardown),
    bundle(workflows, holdpoint({ actions: tree, config })),
  ]);
  const connectionOptions: InternalConnectionOptions = {
    address,
    [InternalConnectionOptionsSymbol]: { supportsTestService: options.address === undefined },
  };
  const [connection, native] = await all([
    kept(teardown, 'connection', Connection.connect(connectionOptions)),
    kept(teardown, 'connection of the worker', NativeConnection.connect({ address })),
  ]);
  if (options.address === undefined) listBelowRoots(connection);
  const client = new Client({ connection });

  const plugin = holdpoint({ actions: tree, config, ledger: db });
  const worker = await Worker.create({ connection: native, taskQueue, workflowBundle, plugins: [plugin] });
  const working = worker.run().catch(() => undefined);
  teardown.add('worker', async () => {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await working;
  });
  await plugin.ready;

  const log = { info: () => undefined, warn: () => undefined };
  const { server, reconciler } = assemble({ db, client, config, starter: 'agent', log });
  reconciler.start();
  teardown.add('reconciler', () => reconciler.stop());
  const watch = await createWatch(db, patience);
  teardown.add('watch', () => watch.close());
  const clock = createClock({ db, client, connection, nudge: () => reconciler.nudge() });
  const parts = { db, client, registry, effects, watch, clock, patience, decide: server.decide, kill: server.killRuns };

  return {
    clock,
    client,
    ledger: db,
    taskQueue,
    async start(workflow: WorkflowFunction | string, input: unknown, start: TestStart = {}) {
      const { agent = 'tester', requestedBy, labels = {}, limits = {} } = start;
      const requesters = requestedBy === undefined ? [agentPrincipal(agent)] : [personPrincipal(requestedBy)];
      const name = typeof workflow === 'string' ? workflow : workflow.name;
      const asked = { id: server.newId('run'), agent, workflow: name, input: (input ?? null) as Json, requesters, labels, limits };
      return testRun<Tree, never>(parts, await server.startRun(asked));
    },
    stop: () => teardown.run(),
  };
}

async function configOf(
  { config: file, policies, groups, people = [] }: Omit<TestEnvironmentOptions<ActionTree>, 'fakes'>,
  folder: string,
  taskQueue: string,
): Promise<Config> {
  const stated = loadConfig({ file, env: {}, cwd: file === undefined ? folder : '.' });
  const text = join(folder, 'policies');
  if (typeof policies === 'string') {
    await mkdir(text);
    await writeFile(join(text, 'test.cedar'), policies);
  }
  const named = [...Object.values(groups ?? {}).flat(), ...people];
  return {
    ...stated,
    people: { ...Object.fromEntries(named.map((id) => [id, { name: id }])), ...stated.people },
    groups: groups ?? stated.groups,
    policies: policies === undefined ? stated.policies : typeof policies === 'string' ? text : policies.folder,
    worker: null,
    queues: [taskQueue, ...stated.queues],
  };
}

type Teardown = ReturnType<typeof createTeardown>;

async function kept<T extends { close(): Promise<void> }>(teardown: Teardown, name: string, opening: Promise<T>): Promise<T> {
  const opened = await opening;
  teardown.add(name, () => opened.close());
  return opened;
}

async function startServer(teardown: Teardown): Promise<string> {
  const { address, stop } = await startTestServer();
  teardown.add('temporal', stop);
  return address;
}

async function openLedger(teardown: Teardown): Promise<Database> {
  const db = await kept(teardown, 'ledger', openPglite({ memory: true }));
  await migrate(db);
  return db;
}

/** Waits for all of them, so that what has started can be stopped; throws what the first one that failed threw. */
async function all<T extends readonly unknown[]>(parts: readonly [...T]): Promise<{ -readonly [I in keyof T]: Awaited<T[I]> }> {
  const ended = await Promise.allSettled(parts);
  const failed = ended.find((part) => part.status === 'rejected');
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  return ended.map((part) => (part as PromiseFulfilledResult<unknown>).value) as { -readonly [I in keyof T]: Awaited<T[I]> };
}

const bundles = new Map<string, Promise<WorkflowBundleWithSourceMap>>();

/** One bundle for all environments of a process: it takes a second to build, and is the same for each. */
function bundle(workflows: string, plugin: HoldpointPlugin): Promise<WorkflowBundleWithSourceMap> {
  const built = bundles.get(workflows) ?? bundleWorkflows(workflows, plugin);
  bundles.set(workflows, built);
  built.catch(() => bundles.delete(workflows));
  return built;
}

/** The SDK's log is for those who operate; a test that installed a runtime of its own keeps it. */
function quiet(): void {
  try {
    Runtime.install({ shutdownSignals: [], telemetryOptions: { logging: { filter: 'ERROR', forward: {} } }, logger: SILENT });
  } catch {
    // There is one already.
  }
}

const silent = (): void => undefined;
const SILENT = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };
