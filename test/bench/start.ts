import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Figure } from './figure.ts';
import { atMost, median } from './figure.ts';

/** `npm start` on a state folder that an earlier start has made, to the API's first healthy answer; and what it all occupies at rest. */
export async function measureStart(root: string, rounds: number): Promise<readonly Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'holdpoint-bench-start-'));
  try {
    await startOnce(root, home, false);
    const warm = [];
    for (let round = 0; round < rounds; round += 1) warm.push(await startOnce(root, home, round === rounds - 1));
    return [
      atMost('warm npm start to API ready', median(warm.map(({ seconds }) => seconds)), 's', 8),
      atMost('memory of everything at rest', warm.at(-1)?.mebibytes ?? Number.NaN, 'MiB', 1_024),
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function startOnce(root: string, home: string, rest: boolean): Promise<{ readonly seconds: number; readonly mebibytes: number }> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: root,
    env: { ...process.env, HOLDPOINT_HOME: home, HOLDPOINT_PORT: String(port) },
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(child, 'exit');
  try {
    while (!(await healthy(port))) {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    if (!rest) return { seconds, mebibytes: Number.NaN };
    // At rest = ten seconds after everything is up and the run waits.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    return { seconds, mebibytes: memory(home) };
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGINT');
    await ended;
  }
}

/** Resident memory of the Holdpoint process and of its Temporal server. */
function memory(home: string): number {
  const { pid } = JSON.parse(readFileSync(join(home, 'server.json'), 'utf8')) as { pid: number };
  const { server } = JSON.parse(readFileSync(join(home, 'temporal', 'temporal.json'), 'utf8')) as { server: { pid: number } };
  const shown = execFileSync('ps', ['-o', 'rss=', '-p', `${pid},${server.pid}`], { encoding: 'utf8' });
  return (
    shown
      .trim()
      .split('\n')
      .reduce((sum, line) => sum + Number(line), 0) / 1_024
  );
}

async function healthy(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/api/v1/health`).then(
    (response) => response.ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
