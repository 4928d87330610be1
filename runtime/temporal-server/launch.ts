import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { awaitReady } from './await-ready.ts';
import { endProcess, processRef, type ProcessRef } from './processes.ts';

export const NAMESPACE = 'default';
export const STOP_GRACE_MS = 5_000;
const READY_MS = 60_000;
/** All that the server sees of our environment, since any TEMPORAL_* variable would change what it does. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TZ'];

export interface LaunchOptions {
  readonly executable: string;
  readonly args: readonly string[];
  /** The port of the loopback interface that the arguments name. */
  readonly port: number;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Hears of the process before it answers. */
  readonly spawned?: (server: ProcessRef, owner: ProcessRef) => Promise<void>;
}

/** Starts a server of Temporal, and resolves when it answers. Throws with the end of its log, and leaves nothing running. */
export async function launch({ executable, args, port, logFile, env, spawned }: LaunchOptions): Promise<ProcessRef> {
  const log = await open(logFile, 'a');
  // Its own process group: Ctrl-C in the terminal reaches us alone, and we decide when the server ends.
  const child = spawn(executable, args, {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: Object.fromEntries(PASSED_ON.map((name) => [name, env[name]])),
  });
  const ended = new AbortController();
  child.once('exit', () => ended.abort());
  try {
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  child.unref();
  const [server, owner] = await Promise.all([processRef(child.pid ?? 0), processRef(process.pid)]);
  try {
    if (server === undefined || owner === undefined) throw new Error('it ended at once');
    await spawned?.(server, owner);
    await awaitReady({ connection: { address: `127.0.0.1:${port}` }, namespace: NAMESPACE, within: READY_MS, signal: ended.signal });
    return server;
  } catch (error) {
    if (server !== undefined) await endProcess(server, STOP_GRACE_MS);
    throw new Error(`${executable} did not start: ${(error as Error).message}; ${await endOf(logFile)}`, { cause: error });
  }
}

async function endOf(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const lines = text.trim().split('\n').slice(-3).join(' | ').slice(-600);
  return `${logFile} ends with: ${lines === '' ? '(nothing)' : lines}`;
}
