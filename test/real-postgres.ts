import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { otherUser, postgresPrograms } from './postgres-programs.ts';

/** The Postgres of HOLDPOINT_TEST_POSTGRES (the URL of a superuser), or one of our own on a free port of loopback, with its data below `folder`. */
export async function startPostgres(folder = tmpdir()): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const given = process.env['HOLDPOINT_TEST_POSTGRES'];
  if (given) return { url: given, stop: () => Promise.resolve() };
  const scratch = await mkdtemp(join(folder, 'holdpoint-postgres-'));
  const clean = () => rm(scratch, { recursive: true, force: true });
  try {
    const { port, stop } = await runPostgres(scratch);
    const stopAndClean = async () => {
      await stop();
      await clean();
    };
    return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, stop: stopAndClean };
  } catch (error) {
    await clean();
    throw error;
  }
}

async function runPostgres(scratch: string): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const as = await otherUser();
  const programs = await postgresPrograms(scratch, as);
  const [data, password] = [join(scratch, 'data'), join(scratch, 'password')];
  await mkdir(data, { mode: 0o700 });
  await writeFile(password, 'postgres', { mode: 0o600 });
  if (as !== undefined) for (const path of [scratch, data, password]) await chown(path, as.uid, as.gid);
  const options = { ...as, cwd: scratch, env: { ...process.env, LC_ALL: 'C' } };
  const cluster = ['--username=postgres', `--pwfile=${password}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  await promisify(execFile)(join(programs, 'initdb'), [`--pgdata=${data}`, ...cluster], options);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'].flatMap((setting) => ['-c', setting]);
  const command = ['-D', data, '-p', String(port), ...settings];
  const server = spawn(join(programs, 'postgres'), command, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  let log = '';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('close', (code) => reject(new Error(`Postgres did not start (exit ${code}):\n${log}`)));
    server.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = `${log}${text}`.slice(-4_000);
      if (log.includes('database system is ready to accept connections')) resolve();
    });
  });
  const stop = () => {
    // Ends sessions instead of waiting for them.
    server.kill('SIGINT');
    return ended;
  };
  return { port, stop };
}

/** Makes an empty database with a name of its own, and says its URL. */
export async function freshDatabase(url: string): Promise<string> {
  const name = `holdpoint_${randomBytes(8).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  const fresh = new URL(url);
  fresh.pathname = `/${name}`;
  return fresh.href;
}

async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
