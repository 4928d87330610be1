import { execFile, execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = join(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'dist/cli/main.js');
/** Long enough for a busy machine; an idle one needs a tenth of it. */
export const PATIENCE = 120_000;

export type Variables = Readonly<Record<string, string>>;

export interface Ended {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly pid: number;
  /** Everything that it printed so far. */
  readonly output: () => string;
  /** Waits until it has printed this; throws with its output where it ends before. */
  readonly said: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

/** A state folder with its port and a working directory, all of them temporary; what runs there ends with `remove`. */
export class Installation {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdpoint-job-'));
  readonly home = join(this.folder, 'home');
  /** Where the commands run: an empty folder. */
  readonly cwd = join(this.folder, 'cwd');
  readonly port: number;
  readonly #started: ChildProcess[] = [];

  private constructor(port: number) {
    this.port = port;
    mkdirSync(this.cwd);
  }

  static async create(): Promise<Installation> {
    if (!existsSync(MAIN)) throw new Error('dist/ is missing: run "node scripts/build.mjs" first, as "npm test" does');
    return new Installation(await freePort());
  }

  get remote(): string {
    return join(this.home, 'release/remote.git');
  }

  /** `holdpoint up` with these arguments, in a process group of its own. */
  up(args: readonly string[], env: Variables = {}, cwd = this.cwd): Running {
    const child = spawn(process.execPath, [MAIN, 'up', ...args], { cwd, env: this.#environment(env), detached: true });
    this.#started.push(child);
    return watch(child);
  }

  /** Any other command, to its end. */
  async run(args: readonly string[], env: Variables = {}, cwd = this.cwd): Promise<Ended> {
    return await new Promise((resolve) => {
      const options = { cwd, env: this.#environment(env), maxBuffer: 64_000_000 };
      execFile(process.execPath, [MAIN, ...args], options, (error, out, err) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, out, err });
      });
    });
  }

  /** What a command prints with `--json`. Throws where it fails. */
  async json<T>(...args: string[]): Promise<T> {
    const { code, out, err } = await this.run([...args, '--json']);
    if (code !== 0) throw new Error(`holdpoint ${args.join(' ')} ended with ${code}: ${err}`);
    return JSON.parse(out) as T;
  }

  /** The Temporal server of this home as it recorded itself; `pid` null = it was stopped. */
  temporal(): { readonly address: string; readonly pid: number | null } {
    const { port, server } = JSON.parse(readFileSync(join(this.home, 'temporal/temporal.json'), 'utf8')) as {
      readonly port: number;
      readonly server: { readonly pid: number } | null;
    };
    return { address: `127.0.0.1:${port}`, pid: server?.pid ?? null };
  }

  /** Everything at once, as a power cut would. */
  async killAll(): Promise<void> {
    const pids = [...this.#started.map((child) => child.pid), this.#temporalPid()].filter((pid) => pid !== undefined);
    for (const pid of pids) kill(pid);
    this.#started.length = 0;
    await Promise.all(pids.map(gone));
  }

  async remove(): Promise<void> {
    await this.killAll();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #temporalPid(): number | undefined {
    return existsSync(join(this.home, 'temporal/temporal.json')) ? (this.temporal().pid ?? undefined) : undefined;
  }

  #environment(env: Variables): Variables {
    const { PATH = '', HOME = '' } = process.env;
    const cache = process.env['XDG_CACHE_HOME'];
    const port = String(this.port);
    return {
      PATH,
      HOME,
      ...(cache === undefined ? {} : { XDG_CACHE_HOME: cache }),
      HOLDPOINT_HOME: this.home,
      HOLDPOINT_PORT: port,
      ...env,
    };
  }
}

function watch(child: ChildProcess): Running {
  let out = '';
  let err = '';
  const heard: (() => void)[] = [];
  const hear = (): void => heard.splice(0).forEach((wake) => wake());
  child.stdout?.on('data', (chunk: Buffer) => ((out += chunk.toString()), hear()));
  child.stderr?.on('data', (chunk: Buffer) => ((err += chunk.toString()), hear()));
  let over = false;
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    hear();
    return { code: code as number | null, out, err };
  });
  async function said(pattern: RegExp): Promise<RegExpExecArray> {
    const until = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const match = pattern.exec(out);
      if (match !== null) return match;
      if (over || until.aborted) throw new Error(`${over ? 'it ended' : 'too late'} before it said ${String(pattern)}:\n${out}${err}`);
      await Promise.race([
        new Promise<void>((resolve) => heard.push(resolve)),
        delay(PATIENCE, undefined, { signal: until, ref: false }).catch(() => undefined),
      ]);
    }
  }
  return { pid: child.pid ?? 0, output: () => out + err, said, ended };
}

/** A process and its group; those that are gone already are fine. */
function kill(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

export function isRunning(pid: number): boolean {
  // A zombie still answers to signals; nobody waits for a process whose parent was killed.
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : undefined;
  if (stat !== undefined) return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  if (process.platform === 'linux') return false;
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  // A process that is not our child tells us nothing when it ends.
  while (isRunning(pid)) await delay(20);
}

/** Asks again until there is an answer. Throws where none comes. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const until = performance.now() + PATIENCE;
  while (performance.now() < until) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const answer = await ask();
    if (answer !== undefined) return answer;
    // oxlint-disable-next-line no-await-in-loop -- a server tells nobody of it
    await delay(100);
  }
  throw new Error('there was no answer in time');
}

/** A real repository: a tag `v1.2.0`, then a feature and a fix. */
export function makeRepository(folder: string): string {
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '--quiet', '--initial-branch=main');
  commit(folder, 'First words');
  git(folder, 'tag', '--annotate', '--message', 'The first', 'v1.2.0');
  commit(folder, 'feat: say more');
  commit(folder, 'fix: say it right');
  return folder;
}

export function commit(folder: string, subject: string): void {
  writeFileSync(join(folder, 'words.txt'), `${subject}\n`);
  git(folder, 'add', 'words.txt');
  git(folder, 'commit', '--quiet', '--message', subject);
}

/** What git prints. Throws where it fails. */
export function git(folder: string, ...args: string[]): string {
  const who = { GIT_AUTHOR_NAME: 'T', GIT_AUTHOR_EMAIL: 't@example.com', GIT_COMMITTER_NAME: 'T', GIT_COMMITTER_EMAIL: 't@example.com' };
  const env = { PATH: process.env['PATH'] ?? '', HOME: dirname(folder), GIT_CONFIG_NOSYSTEM: '1', ...who };
  return execFileSync('git', args, { cwd: folder, env, encoding: 'utf8' }).trim();
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
