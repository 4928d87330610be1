import { readFileSync } from 'node:fs';
import type { LoadedDataConverter } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time.js';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { SimplePlugin } from '@temporalio/plugin';
import { Runtime } from '@temporalio/worker';
import type { ActivityInterceptorsFactory, BundleOptions, ReplayWorkerOptions, Worker, WorkerOptions } from '@temporalio/worker';
import { createGapCounter, createGate, createResultStore, gateActivities, registerActions } from '../../activities/index.ts';
import type { ActionRegistry, ActionTree, GapCounter } from '../../activities/index.ts';
import { HEARTBEAT_EVERY, Refusal } from '../../core/index.ts';
import { openPostgres, publishManifests, requireVersion } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import type { Config } from '../config/load-config.ts';
import { adoptionTerms, loadConfig } from '../config/load-config.ts';
import { refusing } from '../installation/open-ledger.ts';
import { modulePath } from '../module-path.ts';
import { describeExecution } from './describe.ts';
import { checkOneSdk } from './one-sdk.ts';
import { putPoliciesInForce } from './policies-in-force.ts';
import type { PoliciesInForce } from './policies-in-force.ts';
import { environmentSecrets } from './secrets.ts';
import { checkBundle, checkLast, checkWorker } from './startup-checks.ts';

/** How often a worker looks for changed policies, in milliseconds. */
const POLICIES_EVERY = 2_000;

export interface HoldpointOptions {
  /** Every action that this worker may run, as a module's exports. */
  readonly actions: ActionTree;
  /** A loaded configuration, or the path of one; default: `holdpoint.config.yaml` where the process runs. */
  readonly config?: Config | string;
  /** A ledger that the caller opened and closes; default: `DATABASE_URL`, with the worker's role. */
  readonly ledger?: Database;
}

/**
 * Governs a worker: `Worker.create({ …, plugins: [holdpoint({ actions, config })] })`. List it last, so that it sees
 * the final arguments. Pass the same plugin to `bundleWorkflowCode` where the bundle is built beforehand.
 * Throws `Refusal` when an action, the configuration or the worker leaves a way past the gate.
 */
export function holdpoint(options: HoldpointOptions): HoldpointPlugin {
  return new HoldpointPlugin(options);
}

export class HoldpointPlugin extends SimplePlugin {
  readonly #registry: ActionRegistry;
  readonly #config: Config;
  readonly #given: Database | undefined;
  #converter: LoadedDataConverter = loadDataConverter();
  #gate: ActivityInterceptorsFactory | undefined;
  #gaps: GapCounter | undefined;
  readonly #ready = deferred();

  constructor(options: HoldpointOptions) {
    super({ name: 'holdpoint' });
    this.#registry = registerActions(options.actions);
    this.#config =
      typeof options.config === 'object' ? options.config : loadConfig({ file: options.config, env: process.env, cwd: process.cwd() });
    this.#given = options.ledger;
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when policies and actions are published and the worker takes tasks; rejects when it cannot start. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  override configureBundler(options: BundleOptions): BundleOptions {
    return { ...options, workflowInterceptorModules: [...(options.workflowInterceptorModules ?? []), this.#waitingRoom()] };
  }

  override configureWorker(options: WorkerOptions): WorkerOptions {
    checkOneSdk(import.meta.url);
    const configured = super.configureWorker(options);
    checkWorker(configured, this.#registry, this.#config, this);
    const { interceptors, workflowsPath, activities } = configured;
    this.#converter = loadDataConverter(configured.dataConverter);
    const gate: ActivityInterceptorsFactory = (context) => {
      // No task is taken before `#prepare` has made the gate; a worker that took one all the same must not let it pass.
      if (this.#gate === undefined) throw new Refusal('failed', 'gate_not_ready', 'The gate is not ready yet.');
      return this.#gate(context);
    };
    return {
      ...configured,
      // The SDK would hold heartbeats back for 8 s, and with them the news that a call was cancelled.
      maxHeartbeatThrottleInterval: Math.min(HEARTBEAT_EVERY, msToNumber(configured.maxHeartbeatThrottleInterval ?? HEARTBEAT_EVERY)),
      activities: { ...activities, ...gateActivities(this.#registry, this.#config.mode) },
      interceptors: {
        ...interceptors,
        activity: [...(interceptors?.activity ?? []), gate],
        workflowModules: workflowsPath === undefined ? [] : [...(interceptors?.workflowModules ?? []), this.#waitingRoom()],
      },
    };
  }

  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    const { interceptors, workflowsPath, workflowBundle, plugins } = options;
    checkLast(plugins, this);
    if (workflowBundle !== undefined) checkBundle(workflowBundle);
    const workflowModules = workflowsPath === undefined ? [] : [...(interceptors?.workflowModules ?? []), this.#waitingRoom()];
    return { ...options, interceptors: { ...interceptors, workflowModules } };
  }

  /** The worker takes no task before the ledger is migrated, the policies are loaded, and both are published. */
  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    let opened: Database | undefined;
    const stopped = new AbortController();
    try {
      const db = this.#given ?? (opened = await this.#open());
      const policies = await this.#prepare(db);
      this.#ready.resolve();
      void policies.watch(POLICIES_EVERY, stopped.signal);
      await next(worker);
    } catch (error) {
      this.#ready.reject(error);
      throw error;
    } finally {
      stopped.abort();
      await this.#gaps?.flush();
      await opened?.close();
    }
  }

  #waitingRoom(): string {
    const room = this.#config.mode === 'observe' ? 'waiting-room-observe' : 'waiting-room';
    return modulePath(import.meta.url, `../../workflows/${room}`);
  }

  async #prepare(db: Database): Promise<PoliciesInForce> {
    const manifests = [...this.#registry.values()].map(({ manifest }) => manifest);
    const warn = (message: string): void => Runtime.instance().logger.warn(message);
    const policies = await putPoliciesInForce({
      db,
      folder: this.#config.policies,
      manifests,
      groups: this.#config.groups,
      mode: this.#config.mode,
      warn,
    });
    await publishManifests(db, manifests);
    this.#gaps = createGapCounter(db);
    this.#gate = createGate({
      db,
      actions: this.#registry,
      policies: () => policies.current(),
      secrets: environmentSecrets(process.env, (file) => readFileSync(file, 'utf8')),
      results: createResultStore(db, this.#converter),
      ungoverned: new Set(
        this.#config.ungoverned.filter((name) => name.startsWith('activity:')).map((name) => name.slice('activity:'.length)),
      ),
      describe: describeExecution,
      mode: this.#config.mode,
      adoption: (agent) => adoptionTerms(this.#config, agent),
      gaps: this.#gaps,
    });
    return policies;
  }

  /** With the worker's role, which may neither migrate nor decide. */
  async #open(): Promise<Database> {
    const url = this.#config.environment.databaseUrl;
    if (url === null) {
      throw new Refusal('refused', 'ledger_not_named', 'The plugin needs a ledger.', { hint: 'Set DATABASE_URL to a Postgres database.' });
    }
    const db = await refusing(openPostgres({ url, role: 'worker' }));
    try {
      await refusing(requireVersion(db));
      return db;
    } catch (error) {
      await db.close();
      throw error;
    }
  }
}

/** `Promise.withResolvers`, which Node.js 20 lacks. */
function deferred(): { readonly promise: Promise<void>; resolve(): void; reject(error: unknown): void } {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve: () => resolve(), reject: (error) => reject(error) };
}
