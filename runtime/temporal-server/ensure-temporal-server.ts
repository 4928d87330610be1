import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { awaitReady } from './await-ready.ts';
import { findExecutable } from './find-executable.ts';
import { endProcess, isAlive, processRef, type ProcessRef } from './processes.ts';
import { readRecord, writeRecord } from './server-record.ts';
import { NAMESPACE, STOP_GRACE_MS } from './launch.ts';
import { startServer } from './start-server.ts';
import { unavailable } from './unavailable.ts';

/** How the server was had: named by TEMPORAL_ADDRESS, still running from before, or started with an executable from PATH, cache or pip. */
export type TemporalRoute = 'address' | 'adopted' | 'path' | 'cache' | 'pip';

export interface TemporalServer {
  /** `host:port` of the gRPC frontend. */
  readonly address: string;
  readonly namespace: string;
  /** Whether `stop` ends the server: not one of TEMPORAL_ADDRESS, nor one that another living process looks after. */
  readonly owned: boolean;
  readonly route: TemporalRoute;
  stop(): Promise<void>;
}

export interface EnsureTemporalOptions {
  /** Folder for the server's database, log and `temporal.json`; made if missing. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: (line: string) => void;
}

const ADOPTED_MS = 10_000;

/**
 * Finds or starts a Temporal server that answers. Throws `Refusal` `temporal_unavailable`, with every route that was
 * tried and what would open it, in `hint` and as `data.routes`.
 */
export async function ensureTemporalServer({ home: folder, env, log }: EnsureTemporalOptions): Promise<TemporalServer> {
  if (env['TEMPORAL_ADDRESS']) return external(env);
  const home = resolve(folder);
  await mkdir(home, { recursive: true });
  const adopted = await adopt(home);
  if (adopted !== undefined) return adopted;
  const found = await findExecutable({ env, log });
  if (!('path' in found)) throw unavailable('No Temporal server could be had.', found);
  try {
    const { address, server } = await startServer({ executable: found.path, home, env });
    return { address, namespace: NAMESPACE, owned: true, route: found.route, stop: () => stop(home, server) };
  } catch (error) {
    const todo = `Read the log; if its database is damaged, move ${home}/temporal.db away.`;
    throw unavailable('The Temporal server did not start.', [{ route: found.route, why: (error as Error).message, todo }], error);
  }
}

async function external(env: EnsureTemporalOptions['env']): Promise<TemporalServer> {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { connectionOptions, namespace = NAMESPACE } = loadClientConnectConfig({ overrideEnvVars: Object.fromEntries(given) });
  const { address = '', tls, apiKey, metadata } = connectionOptions;
  try {
    const connection = { address, ...(tls && { tls }), ...(apiKey && { apiKey }), ...(metadata && { metadata }) };
    await awaitReady({ connection, namespace, within: 0 });
  } catch (error) {
    const todo = 'Start that server, correct TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or unset TEMPORAL_ADDRESS to have one started here.';
    const why = `namespace "${namespace}" at ${address}: ${(error as Error).message}`;
    throw unavailable('The Temporal server of TEMPORAL_ADDRESS does not answer.', [{ route: 'TEMPORAL_ADDRESS', why, todo }], error);
  }
  return { address, namespace, owned: false, route: 'address', stop: () => Promise.resolve() };
}

/** The server that outlived the process that started it. One that is there but does not answer is ended. */
async function adopt(home: string): Promise<TemporalServer | undefined> {
  const record = await readRecord(home);
  if (record === undefined || record.server === null || !(await isAlive(record.server))) return undefined;
  const { server, port } = record;
  const address = `127.0.0.1:${port}`;
  const lookedAfter = record.owner.pid !== process.pid && (await isAlive(record.owner));
  try {
    await awaitReady({ connection: { address }, namespace: NAMESPACE, within: ADOPTED_MS });
  } catch (error) {
    if (lookedAfter) {
      const why = `process ${record.owner.pid} looks after one for ${home}, and it does not answer at ${address}: ${(error as Error).message}`;
      const todo = 'Wait until that process has started, or end it.';
      throw unavailable('No Temporal server could be had.', [{ route: 'the running server', why, todo }], error);
    }
    await endProcess(server, STOP_GRACE_MS);
    return undefined;
  }
  if (lookedAfter) return { address, namespace: NAMESPACE, owned: false, route: 'adopted', stop: () => Promise.resolve() };
  const owner = await processRef(process.pid);
  if (owner !== undefined) await writeRecord(home, { ...record, owner });
  return { address, namespace: NAMESPACE, owned: true, route: 'adopted', stop: () => stop(home, server) };
}

async function stop(home: string, server: ProcessRef): Promise<void> {
  await endProcess(server, STOP_GRACE_MS);
  const record = await readRecord(home);
  if (record?.server?.pid === server.pid) await writeRecord(home, { ...record, server: null });
}
