import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { HoldView, RunView } from '../../core/index.ts';
import { migrate, openPostgres } from '../../ledger/index.ts';
import { ensureTemporalServer } from '../../runtime/temporal-server/index.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import type { CrashOptions, Stop } from './crash-worker.ts';
import { callApi, killed, killTemporal, startPart } from './processes.ts';
import { readEffects } from './tools.ts';
import type { Effect } from './tools.ts';

const TOKEN = 'only-for-this-test';
const POLICIES = `
  @id("all") permit (principal, action, resource);
  @id("ask") @hold("A person is asked") @approvers("operators") forbid (principal, action == Action::"crash.ask", resource);`;
const CONFIG = {
  people: { ops: {} },
  groups: { operators: ['ops'] },
  worker: { actions: 'none', workflows: 'none', taskQueue: 'crash' },
};

/** A dead worker is noticed after 10 s without a heartbeat, when its claim is over, too. */
const PATIENCE = 35_000;
/** So that a test says what it waited for. */
export const TIMEOUT = PATIENCE + 10_000;
/** What an attempt may cost at most, and what it costs when it ends, in micro-USD. */
export const COST = { worst: 1_000, real: 400 };
export type Kind = 'pglite' | 'postgres';

/**
 * An installation of compiled processes on a Temporal server of its own, reached by its API alone. PGlite lives in
 * the one process that is killed; Postgres outlives the worker, which is killed alone or with everything else.
 */
export class CrashWorld {
  readonly #kind: Kind;
  readonly #built: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdpoint-crash-'));
  readonly #processes = new Map<string, ChildProcess>();
  readonly #runs = new Map<string, string>();
  #postgres: Awaited<ReturnType<typeof startPostgres>> | undefined;
  #ledger: string | null = null;
  #temporal: Awaited<ReturnType<typeof ensureTemporalServer>> | undefined;
  #connection: Connection | undefined;
  #url = '';

  constructor(kind: Kind, built: string) {
    this.#kind = kind;
    this.#built = built;
  }

  /** The ledger itself, for a test that asks it directly. */
  get ledger(): string {
    if (this.#ledger === null) throw new RangeError('PGlite is open in another process.');
    return this.#ledger;
  }

  get names(): readonly string[] {
    return [...this.#runs.keys()];
  }

  /** From here on calls stop at the points that their arguments name. */
  async open(): Promise<void> {
    mkdirSync(join(this.#folder, 'policies'));
    writeFileSync(join(this.#folder, 'policies/crash.cedar'), POLICIES);
    writeFileSync(join(this.#folder, 'holdpoint.config.yaml'), JSON.stringify(CONFIG));
    if (this.#kind === 'postgres') {
      this.#postgres = await startPostgres();
      this.#ledger = await freshDatabase(this.#postgres.url);
      const db = await openPostgres({ url: this.#ledger, poolSize: 1 });
      await migrate(db);
      await db.close();
    }
    this.#connection = await Connection.connect({ address: await this.#startTemporal() });
    await this.#startAll(true);
  }

  async close(): Promise<void> {
    await this.#killAll();
    await this.#connection?.close();
    await this.#temporal?.stop();
    await this.#postgres?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Kills what runs the effects, and starts it again; there calls stop no more. */
  async crashWorker(): Promise<void> {
    const parts = this.#partsWith('worker');
    await killed(this.#processes.get(parts.join(' and ')));
    await this.#start(parts, { stops: false });
  }

  /** Decides, and has the server kill itself as soon as that is committed; nobody hears of it until the server is back. */
  async crashServerDeciding(hold: HoldView, choice: string): Promise<void> {
    const parts = this.#partsWith('server');
    await killed(this.#processes.get(parts.join(' and ')));
    const server = await this.#start(parts, { stops: false, diesDeciding: true });
    const ended = once(server, 'exit');
    const answer = await this.decide(hold, choice, { note: 'so' }).then(
      () => 'an answer',
      () => null,
    );
    const [, signal] = (await ended) as [unknown, string | null];
    if (answer !== null || signal !== 'SIGKILL') throw new Error(`The server gave ${answer} and ended with ${signal}.`);
    await this.#start(parts, { stops: false });
  }

  /** Stops the worker's process where its calls stand. */
  freezeWorker(): void {
    this.#processes.get('worker')?.kill('SIGSTOP');
  }

  async startAnotherWorker(): Promise<void> {
    await this.#start(['worker'], { stops: false, name: 'another worker' });
  }

  /** The frozen worker goes on, and so do the calls that stand in it. */
  thawWorker(): void {
    writeFileSync(join(this.#folder, 'go'), '');
    this.#processes.get('worker')?.kill('SIGCONT');
  }

  /** Resolves when the worker has ended all that it was doing. */
  async retireWorker(): Promise<void> {
    const worker = this.#processes.get('worker') as ChildProcess;
    const ended = once(worker, 'exit');
    worker.kill('SIGTERM');
    await ended;
  }

  /** Kills every process, Temporal's server among them, and starts all on what they left on disk. */
  async crashEverything(): Promise<void> {
    killTemporal(join(this.#folder, 'temporal'));
    await this.#killAll();
    await this.#startTemporal();
    await this.#startAll(false);
  }

  /** Starts a run of one call. */
  async begin(name: string, action: string, stop: Stop, limits: { steps?: number; spend?: number } = {}): Promise<void> {
    await this.beginWorkflow(name, 'sequence', { calls: [{ action, input: { name, stop } }] }, limits);
  }

  async beginWorkflow(name: string, workflow: string, input: unknown, limits = {}): Promise<void> {
    const { id } = await this.api<RunView>('POST', '/runs', { workflow, agent: 'tester', input, limits });
    this.#runs.set(name, id);
  }

  async signal(name: string, signal: string): Promise<void> {
    const { workflow } = new Client({ connection: this.#connection as Connection });
    await workflow.getHandle(this.idOf(name)).signal(signal);
  }

  async reached(names: readonly string[]): Promise<void> {
    const file = join(this.#folder, 'points.txt');
    const missing = (): string[] => {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
      return names.filter((name) => !lines.includes(name));
    };
    await until('every point', () => Promise.resolve(missing().length === 0)).catch(() => {
      throw new Error(`These never came to their points: ${missing().join(', ')}`);
    });
  }

  show(name: string): Promise<RunView> {
    return this.api('GET', `/runs/${this.idOf(name)}`);
  }

  audit(name: string): Promise<unknown> {
    return this.api('GET', `/runs/${this.idOf(name)}/audit/verify`);
  }

  held(name: string, kind: HoldView['kind']): Promise<HoldView> {
    return until(`a hold of ${name}: ${kind}`, async () => {
      const { holds, closedAt } = await this.show(name);
      const found = holds.find((hold) => hold.state === 'open' && hold.kind === kind);
      if (found === undefined && closedAt !== null) throw new Error(`${name} ended, and nobody was asked.`);
      return found;
    });
  }

  async decide(hold: HoldView, choice: string, more: object = {}): Promise<void> {
    await this.api('POST', `/holds/${hold.id}/decide`, { choice, version: hold.version, ...more });
  }

  /** What the workflow returned, as soon as it has, however often Temporal is away meanwhile. */
  result(name: string): Promise<unknown> {
    const { workflow } = new Client({ connection: this.#connection as Connection });
    return until(`the result of ${name}`, () =>
      workflow
        .getHandle(this.idOf(name))
        .result()
        .catch(() => undefined),
    );
  }

  effects(name?: string): readonly Effect[] {
    return readEffects(this.#folder).filter((effect) => name === undefined || effect.run === this.idOf(name));
  }

  idOf(name: string): string {
    const id = this.#runs.get(name);
    if (id === undefined) throw new RangeError(`There is no run named ${name}.`);
    return id;
  }

  async #startTemporal(): Promise<string> {
    const { TEMPORAL_ADDRESS: _, ...env } = process.env;
    this.#temporal = await ensureTemporalServer({ home: join(this.#folder, 'temporal'), env, log: () => undefined });
    return this.#temporal.address;
  }

  async #startAll(stops: boolean): Promise<void> {
    if (this.#kind === 'pglite') await this.#start(['worker', 'server'], { stops });
    else await Promise.all([this.#start(['server'], { stops }), this.#start(['worker'], { stops })]);
  }

  /** PGlite lives in one process. */
  #partsWith(part: 'worker' | 'server'): CrashOptions['parts'] {
    return this.#kind === 'pglite' ? ['worker', 'server'] : [part];
  }

  async #start(
    parts: CrashOptions['parts'],
    { stops, diesDeciding = false, name = parts.join(' and ') }: { stops: boolean; diesDeciding?: boolean; name?: string },
  ): Promise<ChildProcess> {
    const options: CrashOptions = {
      folder: this.#folder,
      parts,
      postgres: this.#ledger,
      temporal: this.#temporal?.address ?? '',
      taskQueue: 'crash',
      bundle: join(this.#built, 'bundle.js'),
      token: TOKEN,
      stops,
      diesDeciding,
      cost: COST,
    };
    const started = startPart(join(this.#built, 'test/e2e/crash-worker.js'), options);
    this.#processes.set(name, started.child);
    this.#url = (await started.ready).url ?? this.#url;
    return started.child;
  }

  async #killAll(): Promise<void> {
    await Promise.all([...this.#processes.values()].map(killed));
  }

  async api<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    return callApi<T>({ url: this.#url, token: TOKEN, method, path, body });
  }
}

export async function until<T>(what: string, check: () => Promise<T | undefined | false>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > giveUpAt) throw new Error(`Waited in vain: ${what}`);
    await delay(50);
  }
}
