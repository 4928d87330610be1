import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { HoldView, Page, RunView } from '../../core/index.ts';
import { freshDatabase } from '../real-postgres.ts';

const run = promisify(execFile);
/** Long enough for a busy machine; an idle one needs a twentieth of it. */
const PATIENCE = 120_000;

/** A mail service that remembers what it was sent. */
export async function openMailService(): Promise<{ readonly url: string; readonly sent: unknown[]; close(): Promise<void> }> {
  const sent: unknown[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      sent.push(JSON.parse(body));
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent, close };
}

export interface Governed {
  readonly held: HoldView;
  /** Mails that had left when the call was held. */
  readonly before: number;
  readonly run: RunView;
}

/**
 * In a built project with the package installed: a server and the project's own worker, on a ledger of their own. An
 * agent's run starts, is held, a person approves, and it ends. `node` is the program that runs all of it.
 */
export async function governMail(project: string, node: string, sent: readonly unknown[]): Promise<Governed> {
  const DATABASE_URL = await freshDatabase(process.env['HOLDPOINT_TEST_POSTGRES'] ?? '');
  const port = await freePort();
  const HOLDPOINT_URL = `http://127.0.0.1:${port}`;
  const { PATH = '', HOME = '', HOLDPOINT_TEST_TEMPORAL: TEMPORAL_ADDRESS = '' } = process.env;
  const env = {
    PATH,
    HOME,
    DATABASE_URL,
    TEMPORAL_ADDRESS,
    HOLDPOINT_URL,
    HOLDPOINT_PORT: String(port),
    HOLDPOINT_HOME: join(project, 'home'),
  };
  const command = join(project, 'node_modules/holdpoint/dist/cli/main.js');
  const holdpoint = async <T>(args: readonly string[], HOLDPOINT_TOKEN = ''): Promise<T> => {
    const { stdout } = await run(node, [command, ...args, '--json'], { cwd: project, env: { ...env, HOLDPOINT_TOKEN } });
    return JSON.parse(stdout) as T;
  };
  const started: ChildProcess[] = [];
  const start = async (args: readonly string[], ready: RegExp): Promise<void> => {
    const child = spawn(node, args, { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    await said(child, ready);
  };
  try {
    const make = async (...whose: string[]): Promise<string> =>
      (await holdpoint<{ readonly token: string }>(['token', 'create', ...whose, '--direct'])).token;
    // The first one makes the ledger, which the worker expects to be there.
    const ada = await make('--person', 'ada');
    const [agent] = await Promise.all([
      make('--agent', 'reminder-bot'),
      start([command, 'server'], /Holdpoint serves/),
      start([join(project, 'dist/worker.js')], /RUNNING/),
    ]);
    const input = JSON.stringify('ada@elsewhere.example');
    const { id } = await holdpoint<RunView>(['run', 'start', 'remind', '--agent', 'reminder-bot', '--input', input], agent);
    const held = await firstHold(`${HOLDPOINT_URL}/api/v1/holds?run=${id}`, ada);
    const before = sent.length;
    await holdpoint(['hold', 'approve', held.id], ada);
    return { held, before, run: await holdpoint<RunView>(['run', 'watch', id], ada) };
  } finally {
    await Promise.all(started.map(end));
  }
}

async function firstHold(url: string, token: string): Promise<HoldView> {
  const until = performance.now() + PATIENCE;
  while (performance.now() < until) {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    // oxlint-disable-next-line no-await-in-loop -- as above
    const { items } = (await answer.json()) as Page<HoldView>;
    if (items[0] !== undefined) return items[0];
    // oxlint-disable-next-line no-await-in-loop -- a server tells nobody of it
    await delay(100);
  }
  throw new Error('nothing was held in time');
}

/** Waits until a process has printed this. Throws with its output where it ends before. */
async function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  let output = '';
  const timer = AbortSignal.timeout(PATIENCE);
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      if (pattern.test(output)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('close', () => reject(new Error(`it ended before it said ${String(pattern)}:\n${output}`)));
    timer.addEventListener('abort', () => reject(new Error(`too late to say ${String(pattern)}:\n${output}`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
