import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { awaitReady } from './await-ready.ts';
import { freePort } from './free-port.ts';
import { endProcess, processRef, type ProcessRef } from './processes.ts';
import { readRecord, writeRecord } from './server-record.ts';

export const NAMESPACE = 'default';
export const STOP_GRACE_MS = 5_000;
const READY_MS = 60_000;
/** All that the server sees of our environment, since any TEMPORAL_* variable would change what it does. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TZ'];

export interface StartOptions {
  readonly executable: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts the development server on its database file, and resolves when it answers. Throws with the end of its log. */
export async function startServer({ executable, home, env }: StartOptions): Promise<{ address: string; server: ProcessRef }> {
  const port = await freePort((await readRecord(home))?.port);
  const logFile = join(home, 'temporal.log');
  const log = await open(logFile, 'a');
  // Its own process group: Ctrl-C in the terminal reaches us alone, and we decide when the server ends.
  const child = spawn(executable, startArguments(home, port), {
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
    await writeRecord(home, { port, server, owner, startedAt: new Date().toISOString() });
    await awaitReady({ connection: { address: `127.0.0.1:${port}` }, namespace: NAMESPACE, within: READY_MS, signal: ended.signal });
    return { address: `127.0.0.1:${port}`, server };
  } catch (error) {
    if (server !== undefined) await endProcess(server, STOP_GRACE_MS);
    throw new Error(`${executable} did not start: ${(error as Error).message}; ${await endOf(logFile)}`, { cause: error });
  }
}

function startArguments(home: string, port: number): string[] {
  const frontend = ['--headless', '--ip', '127.0.0.1', '--port', String(port), '--namespace', NAMESPACE];
  const database = [
    '--db-filename',
    join(home, 'temporal.db'),
    '--sqlite-pragma',
    'journal_mode=WAL',
    '--sqlite-pragma',
    'synchronous=NORMAL',
  ];
  // The default paces one workflow at about 20 steps a second.
  const paces = ['history.transferProcessorMaxPollRPS=2000', 'history.timerProcessorMaxPollRPS=2000'];
  return ['server', 'start-dev', ...frontend, ...database, ...paces.flatMap((pace) => ['--dynamic-config-value', pace])];
}

async function endOf(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const lines = text.trim().split('\n').slice(-3).join(' | ').slice(-600);
  return `${logFile} ends with: ${lines === '' ? '(nothing)' : lines}`;
}
