import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { otherUser, postgresPrograms } from './postgres-programs.ts';

/** The Postgres of HOLDPOINT_TEST_POSTGRES (the URL of a superuser), or one of our own, with its data below `folder`. */
export async function startPostgres(folder = tmpdir()): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const given = process.env['HOLDPOINT_TEST_POSTGRES'];
  return given ? { url: given, stop: () => Promise.resolve() } : startOwnPostgres({ folder });
}

/** A Postgres that nobody else uses, on a free port of loopback. */
export interface OwnPostgres {
  readonly url: string;
  /** Kills the server as `kill -9` does, and resolves when its sessions are gone, too. */
  crash(): Promise<void>;
  /** Starts it again at the same port, on what the crash left on disk. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** `data` = an empty folder for the tables, where the logs must lie elsewhere. */
export async function startOwnPostgres({ folder = tmpdir(), data }: { folder?: string; data?: string } = {}): Promise<OwnPostgres> {
  const scratch = await mkdtemp(join(folder, 'holdpoint-postgres-'));
  const clean = () => rm(scratch, { recursive: true, force: true });
  try {
    const cluster = await createCluster(scratch, data);
    let end = await runPostgres(cluster);
    return {
      url: `postgres://postgres:postgres@127.0.0.1:${cluster.port}/postgres`,
      crash: () => end('SIGKILL'),
      async restart() {
        end = await runPostgres(cluster);
      },
      async stop() {
        // Ends sessions instead of waiting for them.
        await end('SIGINT');
        await clean();
      },
    };
  } catch (error) {
    await clean();
    throw error;
  }
}

interface Cluster {
  readonly programs: string;
  readonly data: string;
  readonly port: number;
  readonly options: { readonly uid?: number; readonly gid?: number; readonly cwd: string; readonly env: NodeJS.ProcessEnv };
}

async function createCluster(scratch: string, elsewhere: string | undefined): Promise<Cluster> {
  const as = await otherUser();
  const programs = await postgresPrograms(scratch, as);
  const [data, password] = [elsewhere ?? join(scratch, 'data'), join(scratch, 'password')];
  await mkdir(data, { mode: 0o700, recursive: true });
  await writeFile(password, 'postgres', { mode: 0o600 });
  if (as !== undefined) for (const path of [scratch, data, password]) await chown(path, as.uid, as.gid);
  const options = { ...as, cwd: scratch, env: { ...process.env, LC_ALL: 'C' } };
  const cluster = ['--username=postgres', `--pwfile=${password}`, '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  if (elsewhere !== undefined) cluster.push(`--waldir=${join(scratch, 'wal')}`);
  await promisify(execFile)(join(programs, 'initdb'), [`--pgdata=${data}`, ...cluster], options);
  return { programs, data, port: await freePort(), options };
}

/** Resolves when it answers, to what ends it. */
async function runPostgres({ programs, data, port, options }: Cluster): Promise<(signal: 'SIGINT' | 'SIGKILL') => Promise<void>> {
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'].flatMap((setting) => ['-c', setting]);
  const command = ['-D', data, '-p', String(port), ...settings];
  const server = spawn(join(programs, 'postgres'), command, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  // Its sessions write to the same pipe, which so is closed when the last of them has ended.
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
  return (signal) => {
    server.kill(signal);
    return ended;
  };
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
