import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { migrate, openPostgres } from '../../ledger/index.ts';
import { ensureTemporalServer } from '../../runtime/temporal-server/index.ts';
import { callApi, killed, killTemporal, startPart } from '../e2e/processes.ts';
import { startPostgresProxy } from '../postgres-proxy.ts';
import type { PostgresProxy } from '../postgres-proxy.ts';
import { freshDatabase, startOwnPostgres } from '../real-postgres.ts';
import type { OwnPostgres } from '../real-postgres.ts';
import type { ChaosEffect, Freeze } from './oracle.ts';
import type { ChaosPartOptions } from './part.ts';

const TOKEN = 'only-for-this-test';
const TASK_QUEUE = 'chaos';
const POLICIES = `
  @id("all") permit (principal, action, resource);
  @id("ask") @hold("A person is asked") @approvers("operators") @edits("text")
  forbid (principal, action == Action::"chaos.ask", resource);`;
const CONFIG = {
  people: { ops: {} },
  groups: { operators: ['ops'] },
  worker: { actions: 'none', workflows: 'none', taskQueue: TASK_QUEUE },
};
/** What is started again must be up within this, whatever else is away meanwhile. */
const UP_WITHIN = 120_000;
/** How long a worker has to end what it was doing. */
const RETIRES_WITHIN = 20_000;

export const WORKERS = ['worker-1', 'worker-2'] as const;
export type PartName = (typeof WORKERS)[number] | 'server';

/**
 * An installation of compiled processes, with a Temporal server and a Postgres of its own. Whatever process ends is started
 * again, as whoever runs it in production would; the ledger is reached through a proxy that can cut the lines.
 */
export class ChaosWorld {
  readonly freezes: Freeze[] = [];
  readonly #built: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdpoint-chaos-'));
  /** Each from the moment on at which it is started. */
  readonly #parts = new Map<PartName, ChildProcess>();
  readonly #ready = new Set<PartName>();
  readonly #kept: Promise<void>[] = [];
  #postgres: OwnPostgres | undefined;
  #ledger = '';
  #proxy: PostgresProxy | undefined;
  #temporal: Awaited<ReturnType<typeof ensureTemporalServer>> | undefined;
  #url = '';
  #log = 0;
  #closing = false;
  /** Ends that nobody brought about. */
  #unasked = 0;
  readonly #struck = new WeakSet<ChildProcess>();

  /** `built` = the folder that `buildWorker` made of `test/chaos/part.ts`. */
  constructor(built: string) {
    this.#built = built;
  }

  /** URL of the ledger, past the proxy. */
  get ledger(): string {
    return this.#ledger;
  }

  /** Processes that ended although nobody had killed them; they were started again. */
  get unaskedEnds(): number {
    return this.#unasked;
  }

  async open(): Promise<void> {
    mkdirSync(join(this.#folder, 'policies'));
    writeFileSync(join(this.#folder, 'policies/chaos.cedar'), POLICIES);
    writeFileSync(join(this.#folder, 'holdpoint.config.yaml'), JSON.stringify(CONFIG));
    this.#log = openSync(join(this.#folder, 'parts.log'), 'a');
    [this.#postgres] = await Promise.all([startOwnPostgres(), this.#startTemporal()]);
    this.#ledger = await freshDatabase(this.#postgres.url);
    const db = await openPostgres({ url: this.#ledger, poolSize: 1 });
    await migrate(db);
    await db.close();
    this.#proxy = await startPostgresProxy(this.#ledger);
    for (const name of ['server', ...WORKERS] as const) this.#kept.push(this.#keep(name));
    await this.up();
  }

  /** Resolves when every process has come up again. */
  async up(): Promise<void> {
    const giveUpAt = performance.now() + UP_WITHIN;
    while (this.#ready.size < WORKERS.length + 1) {
      if (performance.now() > giveUpAt) throw new Error(`Not everything came up again:\n${this.log()}`);
      await delay(50);
    }
  }

  /** Ends every process in order, so that what the ledger says stands still. */
  async retire(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      [...this.#parts].map(async ([name, child]) => {
        if (name === 'server' || child.exitCode !== null || child.signalCode !== null) return killed(child);
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await Promise.race([ended, delay(RETIRES_WITHIN, null, { ref: false })]);
        await killed(child);
      }),
    );
    await Promise.all(this.#kept);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#parts.values()].map(killed));
    await Promise.all(this.#kept);
    await this.#proxy?.close();
    await Promise.all([this.#temporal?.stop(), this.#postgres?.stop()]);
    if (this.#log !== 0) closeSync(this.#log);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Kills a process, which is started again. False = it has just ended. */
  kill(name: PartName): boolean {
    const child = this.#parts.get(name);
    if (child === undefined || !child.kill('SIGKILL')) return false;
    this.#struck.add(child);
    return true;
  }

  /** Stops a process where it stands, and lets it go on after so many milliseconds. False = it has just ended. */
  async freeze(name: PartName, millis: number): Promise<boolean> {
    const child = this.#parts.get(name);
    const from = Date.now();
    if (child === undefined || !child.kill('SIGSTOP')) return false;
    await delay(millis);
    child.kill('SIGCONT');
    this.freezes.push({ worker: name, from, until: Date.now() });
    return true;
  }

  async crashTemporal(): Promise<void> {
    const address = this.#temporal?.address;
    killTemporal(join(this.#folder, 'temporal'));
    await this.#startTemporal();
    if (this.#temporal?.address !== address) throw new Error('Temporal came back at another port, where nobody looks for it.');
  }

  async crashPostgres(): Promise<void> {
    await this.#postgres?.crash();
    await this.#postgres?.restart();
  }

  cutLines(): boolean {
    this.#proxy?.cut();
    return true;
  }

  /** The ledger is away for so many milliseconds. */
  async sever(millis: number): Promise<void> {
    this.#proxy?.sever();
    await delay(millis);
    this.#proxy?.restore();
  }

  /** Throws on any answer that is not a success, and while the server is away. */
  api<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    return callApi<T>({ url: this.#url, token: TOKEN, method, path, body });
  }

  effects(): readonly ChaosEffect[] {
    const file = join(this.#folder, 'effects.jsonl');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as ChaosEffect);
  }

  /** The end of what the processes complained of. */
  log(): string {
    return readFileSync(join(this.#folder, 'parts.log'), 'utf8').slice(-4_000);
  }

  /** Starts a process whenever it has ended, until everything is closed. */
  async #keep(name: PartName): Promise<void> {
    while (!this.#closing) {
      const { child, ready } = startPart(join(this.#built, 'test/chaos/part.js'), this.#options(name), this.#log);
      this.#parts.set(name, child);
      const ended = once(child, 'exit');
      // Hung, since what it waits for has gone: it is killed as any other.
      const late = setTimeout(() => child.kill('SIGKILL'), UP_WITHIN / 2);
      const url = await ready.then(
        (told) => told.url ?? '',
        () => null,
      );
      clearTimeout(late);
      if (url === null) {
        // What it needs is away: it is tried again, as fast as a service manager would.
        await Promise.all([ended, delay(200)]);
        continue;
      }
      if (name === 'server') this.#url = url;
      this.#ready.add(name);
      if (this.#closing) child.kill('SIGKILL');
      await ended;
      this.#ready.delete(name);
      if (!this.#closing && !this.#struck.has(child)) this.#unasked += 1;
    }
  }

  #options(name: PartName): ChaosPartOptions {
    return {
      name,
      folder: this.#folder,
      parts: [name === 'server' ? 'server' : 'worker'],
      postgres: this.#proxy?.url ?? '',
      temporal: this.#temporal?.address ?? '',
      taskQueue: TASK_QUEUE,
      bundle: join(this.#built, 'bundle.js'),
      token: TOKEN,
    };
  }

  async #startTemporal(): Promise<void> {
    const { TEMPORAL_ADDRESS: _, ...env } = process.env;
    this.#temporal = await ensureTemporalServer({ home: join(this.#folder, 'temporal'), env, log: () => undefined });
  }
}
