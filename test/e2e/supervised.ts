import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { adoptedRunId } from '../../activities/gate/adoption.ts';
import type { ActionTree } from '../../activities/index.ts';
import { createDirectory, decide } from '../../approvals/index.ts';
import type { DecideAsk } from '../../approvals/index.ts';
import { completeLimits } from '../../core/index.ts';
import type { HoldId, Mode, Principal, RunId, RunLimits } from '../../core/index.ts';
import { findRun, listCalls, listHolds } from '../../ledger/index.ts';
import type { CallRecord, Database, HoldRecord, RunRecord } from '../../ledger/index.ts';
import { createReconciler, createStopDeliverer, createWakeDeliverer, killRuns, startRun } from '../../operations/index.ts';
import { modeOf } from '../../runtime/config/load-config.ts';
import { holdpoint, loadConfig } from '../../runtime/index.ts';
import type { HoldpointPlugin } from '../../runtime/index.ts';
import { readEffects, toolActions } from './tools.ts';
import type { Effect } from './tools.ts';

/** Every tool is permitted; what a test wants held or forbidden it adds. */
export const PERMIT_ALL = '@id("all")\npermit (principal, action, resource);\n';
export const HOLD_CHARGE =
  '@id("charge-asks")\n@hold("Money moves")\n@approvers("approvers")\nforbid (principal, action == Action::"tool.charge", resource);\n';

export interface SupervisedOptions {
  readonly db: Database;
  /** Cedar text. */
  readonly policies?: string;
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  /** The ledger as the worker reaches it, where that is another way than the test's own; default: `db`. */
  readonly workerLedger?: Database;
  /** `host:port` of a Temporal server of the test's own; default: the one of all tests. */
  readonly address?: string;
  /** Further actions, beside the tools. */
  readonly actions?: ActionTree;
  /** How long a killed workflow may tidy up, in milliseconds; default 500. */
  readonly grace?: number;
  /** More of the configuration: `mode`, `admission`, `agents`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: `workflows.ts` beside this file. */
  readonly workflowsPath?: string;
}

export interface StartOptions {
  readonly limits?: Partial<RunLimits>;
  readonly requesters?: readonly Principal[];
}

/** A whole installation on the shared Temporal server: worker with the plugin, reconciler, people, and the tools' own record. */
export interface Supervised {
  readonly client: Client;
  /** For further workers. */
  readonly native: NativeConnection;
  readonly db: Database;
  readonly folder: string;
  readonly taskQueue: string;
  readonly plugin: HoldpointPlugin;
  start(workflow: string, input: unknown, options?: StartOptions): Promise<RunId>;
  result<T>(run: RunId): Promise<T>;
  run(id: RunId): Promise<RunRecord>;
  calls(run: RunId): Promise<readonly CallRecord[]>;
  holds(run: RunId): Promise<readonly HoldRecord[]>;
  /** The run's open holds, as soon as there are `count`. */
  held(run: RunId, count?: number): Promise<readonly HoldRecord[]>;
  decide(hold: HoldId, ask?: Partial<DecideAsk> & { readonly person?: Principal }): Promise<void>;
  kill(run: RunId): Promise<void>;
  effects(run?: RunId): readonly Effect[];
  /** Resolves when the ledger, or the tools' record, satisfies the check; looks at every notice and every 50 ms. */
  until<T>(what: string, check: () => Promise<T | undefined | false>): Promise<T>;
  setPolicies(text: string): void;
  /** The run, as soon as it has ended. */
  closed(run: RunId): Promise<RunRecord>;
  /** The workflow started by Temporal's own client, as an application that knows nothing of Holdpoint would; gives its run once it is adopted. */
  startElsewhere(
    workflow: string,
    input: unknown,
  ): Promise<{ readonly workflowId: string; readonly run: RunId; result(): Promise<unknown> }>;
  stopWorker(): Promise<void>;
  /** Another worker in the place of a stopped one; it reads the policies anew. */
  startWorker(): Promise<void>;
  stop(): Promise<void>;
}

const bundles = new Map<string, Promise<WorkflowBundleWithSourceMap>>();

export async function supervised(options: SupervisedOptions): Promise<Supervised> {
  const { db, policies = PERMIT_ALL, groups = {}, workerLedger = db, workflowsPath = join(import.meta.dirname, 'workflows.ts') } = options;
  const folder = mkdtempSync(join(tmpdir(), 'holdpoint-e2e-'));
  const policyFolder = join(folder, 'policies');
  mkdirSync(policyFolder);
  const setPolicies = (text: string): void => writeFileSync(join(policyFolder, 'test.cedar'), text);
  setPolicies(policies);
  writeFileSync(join(folder, 'world.txt'), 'one');
  const people = { ada: {}, ben: {}, eve: {}, ops: {} };
  const allGroups = { approvers: ['ada', 'ben'], operators: ['ops'], ...groups };
  writeFileSync(join(folder, 'holdpoint.config.yaml'), JSON.stringify({ people, groups: allGroups, ...options.config }));
  const config = loadConfig({ env: {}, cwd: folder });

  const address = options.address ?? process.env['HOLDPOINT_TEST_TEMPORAL'];
  if (address === undefined) throw new Error('HOLDPOINT_TEST_TEMPORAL is not set: run this under vitest with its global setup.');
  quiet();
  const [connection, native] = await Promise.all([Connection.connect({ address }), NativeConnection.connect({ address })]);
  const client = new Client({ connection });
  const taskQueue = `e2e-${Math.random().toString(36).slice(2)}`;
  const newPlugin = (): HoldpointPlugin =>
    holdpoint({ actions: { ...toolActions(folder), ...options.actions }, config, ledger: workerLedger });
  const plugin = newPlugin();
  const workflowBundle = await bundle(plugin, workflowsPath, config.mode);
  const work = async (by: HoldpointPlugin): Promise<() => Promise<void>> => {
    const settings = { connection: native, taskQueue, workflowBundle, plugins: [by], maxConcurrentActivityTaskExecutions: 300 };
    const worker = await Worker.create(settings);
    const working = worker.run();
    working.catch(() => undefined);
    await by.ready;
    return async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await working.catch(() => undefined);
    };
  };
  let stopWorker = await work(plugin);

  const directory = createDirectory({ people, groups: allGroups });
  const deliverers = [createWakeDeliverer({ db, client }), createStopDeliverer({ db, client, grace: options.grace ?? 500 })];
  const reconciler = createReconciler({ db, client, deliverers, log: { info: () => undefined, warn: () => undefined } });
  reconciler.start();
  let heard: () => void = () => undefined;
  const unlisten = await db.listen('holdpoint', () => heard());

  async function until<T>(what: string, check: () => Promise<T | undefined | false>): Promise<T> {
    const giveUpAt = performance.now() + 60_000;
    for (;;) {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      if (performance.now() > giveUpAt) throw new Error(`Waited in vain: ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 50);
        heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const known = async (id: RunId): Promise<RunRecord> => {
    const found = await findRun(db, id);
    if (found === null) throw new Error(`There is no run ${id}.`);
    return found;
  };
  const holds = async (run: RunId): Promise<readonly HoldRecord[]> => (await listHolds(db, { run, limit: 200 })).items;

  return {
    client,
    native,
    db,
    folder,
    taskQueue,
    plugin,
    until,
    setPolicies,
    holds,
    async start(workflow, input, { limits = {}, requesters = ['agent:tester'] } = {}) {
      const ask = {
        workflow,
        taskQueue,
        input: input as never,
        agent: 'tester',
        requesters,
        labels: {},
        limits: completeLimits(limits),
        mode: modeOf(config, 'tester'),
        queues: [taskQueue],
      };
      return (await startRun({ db, client }, ask)).run;
    },
    result: (run) => client.workflow.getHandle(run).result(),
    run: known,
    calls: (run) => listCalls(db, run),
    held: (run, count = 1) =>
      until(`${count} open holds of ${run}`, async () => {
        const open = (await holds(run)).filter((hold) => hold.state.kind === 'open');
        return open.length >= count && open;
      }),
    async decide(hold, { person = 'person:ada', ...ask } = {}) {
      const storeResult = async (result: unknown): Promise<{ kind: 'inline'; payload: string }> =>
        Promise.resolve({
          kind: 'inline',
          payload: JSON.stringify({
            metadata: { encoding: Buffer.from('json/plain').toString('base64') },
            data: Buffer.from(JSON.stringify(result)).toString('base64'),
          }),
        });
      const whole: DecideAsk = { hold, choice: 'approve', seenVersion: 1, note: null, raise: null, edit: null, ...ask };
      await decide({ db, directory, storeResult }, { principal: person, kind: 'person' }, whole);
      reconciler.nudge();
    },
    async kill(run) {
      await killRuns({ db, nudge: () => reconciler.nudge() }, { runs: [run] }, { by: 'person:ops', reason: 'a test' });
    },
    effects: (run) => readEffects(folder).filter((effect) => run === undefined || effect.run === run),
    closed: (run) =>
      until(`the end of ${run}`, async () => {
        const found = await known(run);
        return found.closed !== null && found;
      }),
    async startElsewhere(workflow, input) {
      const workflowId = `elsewhere-${Math.random().toString(36).slice(2)}`;
      const handle = await client.workflow.start(workflow, { taskQueue, workflowId, args: [input] });
      const run = adoptedRunId({ workflowId, firstRunId: handle.firstExecutionRunId });
      return { workflowId, run, result: () => handle.result() };
    },
    stopWorker: () => stopWorker(),
    async startWorker() {
      stopWorker = await work(newPlugin());
    },
    async stop() {
      await stopWorker();
      await reconciler.stop();
      await unlisten();
      // A server that was killed leaves retries in the client's timers, and one that is due after a close ends the process.
      await Promise.all([options.address === undefined && connection.close(), native.close()]);
    },
  };
}

/** One bundle for all tests of a process: it takes a second to build. */
export function bundle(plugin: HoldpointPlugin, workflowsPath: string, mode: Mode = 'enforce'): Promise<WorkflowBundleWithSourceMap> {
  const key = `${mode} ${workflowsPath}`;
  const built = bundles.get(key) ?? bundleWorkflowCode({ workflowsPath, plugins: [plugin], logger: SILENT });
  bundles.set(key, built);
  return built;
}

const silent = (): void => undefined;
/** For what logs by itself. */
export const SILENT = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };
let installed = false;
/** Once a process, before anything of the SDK logs. */
export function quiet(): void {
  if (installed) return;
  installed = true;
  Runtime.install({ shutdownSignals: [], logger: SILENT, telemetryOptions: { logging: { filter: 'ERROR', forward: {} } } });
}
