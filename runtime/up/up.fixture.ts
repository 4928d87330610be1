import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { up } from './up.ts';

/** `up` on a state folder of its own, in this process; the SDK's runtime bears one of them in a process. */
export interface Upped {
  readonly home: string;
  readonly lines: string[];
  readonly ended: Promise<void>;
  readonly port: number;
  stop(): void;
  /** Until a line is printed, or it has ended. */
  said(pattern: RegExp): Promise<void>;
  /** The pid of the Temporal server that it has recorded as running; null = none. */
  temporal(): number | null;
  clean(): void;
}

export async function upped(env: Readonly<Record<string, string>>): Promise<Upped> {
  const folder = mkdtempSync(join(tmpdir(), 'holdpoint-up-'));
  const home = join(folder, 'home');
  const port = await freePort();
  const controller = new AbortController();
  const lines: string[] = [];
  let heard: () => void = () => undefined;
  const print = (line: string): void => {
    lines.push(line);
    heard();
  };
  // Its own servers, not those of the tests.
  const { TEMPORAL_ADDRESS: _, DATABASE_URL: __, HOLDPOINT_TEST_TEMPORAL: ___, HOLDPOINT_TEST_POSTGRES: ____, ...rest } = process.env;
  const options = {
    env: { ...rest, HOLDPOINT_HOME: home, HOLDPOINT_PORT: String(port), ...env },
    cwd: folder,
    print,
    program: 'holdpoint',
  };
  const ended = up({ ...options, signal: controller.signal });
  ended.catch(() => undefined);
  return {
    home,
    lines,
    ended,
    port,
    stop: () => controller.abort(),
    async said(pattern) {
      const printed = new Promise<void>((resolve) => {
        heard = () => lines.some((line) => pattern.test(line)) && resolve();
        heard();
      });
      await Promise.race([printed, ended.catch(() => undefined)]);
    },
    temporal() {
      const record = join(home, 'temporal/temporal.json');
      if (!existsSync(record)) return null;
      const { server } = JSON.parse(readFileSync(record, 'utf8')) as { server: { pid: number } | null };
      return server === null || !isAlive(server.pid) ? null : server.pid;
    },
    clean: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
