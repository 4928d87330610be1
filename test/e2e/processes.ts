import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { PartOptions } from './part.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The product and a program as JavaScript, and the workflows as a bundle, in a folder of their own; paths are below `root`. */
export async function buildWorker(program = 'test/e2e/crash-worker.ts', root = ROOT): Promise<string> {
  const built = mkdtempSync(join(tmpdir(), 'holdpoint-crash-'));
  symlinkSync(join(root, 'node_modules'), join(built, 'node_modules'));
  copyFileSync(join(root, 'package.json'), join(built, 'package.json'));
  // Types are checked elsewhere; this needs the JavaScript alone.
  const compilerOptions = { outDir: built, rootDir: root, declaration: false, sourceMap: false, inlineSources: false, noCheck: true };
  const files = [join(root, program)];
  writeFileSync(
    join(built, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.build.json'), compilerOptions, files, include: [] }),
  );
  const tsc = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', built], { encoding: 'utf8' });
  if (tsc.status !== 0) throw new Error(`The worker could not be built:\n${tsc.stdout}`);
  const silent = (): void => undefined;
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'test/e2e/workflows.ts'),
    workflowInterceptorModules: [join(root, 'workflows/waiting-room.ts')],
    logger: { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent },
  });
  writeFileSync(join(built, 'bundle.js'), code);
  return built;
}

/** Starts a program that calls `runPart`. `ready` is what it prints, and rejects if it ends before; `log` = where its errors go. */
export function startPart(
  program: string,
  options: PartOptions,
  log: number | 'inherit' = 'inherit',
): { readonly child: ChildProcess; readonly ready: Promise<{ readonly url: string | null }> } {
  const child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', log] });
  const ended = once(child, 'exit').then(([code]) =>
    Promise.reject(new Error(`The ${options.parts.join(' and ')} ended: ${String(code)}.`)),
  );
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  const ready = Promise.race([once(lines, 'line'), ended]).then(([line]) => JSON.parse(line as string) as { url: string | null });
  return { child, ready };
}

export async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Kills the server that `ensureTemporalServer` started in a folder, as `kill -9` does. */
export function killTemporal(home: string): void {
  const record = JSON.parse(readFileSync(join(home, 'temporal.json'), 'utf8')) as { server: { pid: number } };
  process.kill(record.server.pid, 'SIGKILL');
}

export interface ApiCall {
  readonly url: string;
  readonly token: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
}

/** Throws on any answer that is not a success. */
export async function callApi<T>({ url, token, method, path, body }: ApiCall): Promise<T> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers,
    signal: AbortSignal.timeout(15_000),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
