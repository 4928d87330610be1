import pg from 'pg';
import type { Database, Queryable, Row } from './database.ts';
import { LedgerError } from './database.ts';
import { ledgerFailure } from './ledger-failure.ts';
import { listenOnPostgres } from './postgres-listener.ts';
import { Pipeline } from './postgres-pipeline.ts';
import { retryContended } from './retry-contended.ts';

export interface PostgresOptions {
  /** `postgres://…`; never shown in errors. */
  readonly url: string;
  /** What this process may do to the ledger; absent = everything that the login may, as `migrate` needs. */
  readonly role?: 'worker' | 'server';
  /** Connections at most; default 10. A transaction holds one for its two round trips. */
  readonly poolSize?: number;
}

/** Milliseconds. */
const LOCK_TIMEOUT = 2_000;
const CONNECT_TIMEOUT = 5_000;
const BIGINT = 20;

/** Opens a pool and tries one connection. Throws `LedgerError` `ledger_away` where there is none. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const settings: pg.ClientConfig = {
    connectionString: options.url,
    application_name: `holdpoint ${options.role ?? 'owner'}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    lock_timeout: LOCK_TIMEOUT,
    idle_in_transaction_session_timeout: LOCK_TIMEOUT,
    keepAlive: true,
    pipeline: true,
    types: { getTypeParser: typeParser },
  };
  // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for what `onConnect` returns, whatever its type says
  const pool = new pg.Pool({ ...settings, max: options.poolSize ?? 10, onConnect: (client) => prepare(client, options.role) });
  // An idle connection that dies is replaced at the next use, which reports what is wrong.
  pool.on('error', () => undefined);
  const database = postgresDatabase(pool, settings);
  try {
    await database.query('SELECT 1');
    return database;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

function postgresDatabase(pool: pg.Pool, settings: pg.ClientConfig): Database {
  const stops = new Set<() => Promise<void>>();
  return {
    kind: 'postgres',
    query: <R extends Row>(sql: string, parameters?: readonly unknown[]) =>
      retryContended(() => withClient(pool, async (pipeline) => await pipeline.query<R>(sql, parameters))),
    transaction: (body) => retryContended(() => withClient(pool, (pipeline) => transact(pipeline, body))),
    async listen(channel, heard) {
      const stop = await listenOnPostgres(settings, channel, heard);
      stops.add(stop);
      return async () => {
        stops.delete(stop);
        await stop();
      };
    },
    async close() {
      await Promise.all([...stops].map((stop) => stop()));
      if (!pool.ending) await pool.end();
    },
  };
}

async function prepare(client: pg.ClientBase, role: PostgresOptions['role']): Promise<void> {
  // Without a listener a connection that is lost while in use would end the process; its queries report the loss.
  client.on('error', () => undefined);
  if (role !== undefined) await client.query(`SET ROLE holdpoint_${role}`);
  // The gate's statements find rows by key and nothing else: planning them anew for each value is half their cost.
  if (role === 'worker') await client.query('SET plan_cache_mode = force_generic_plan');
}

async function withClient<T>(pool: pg.Pool, work: (pipeline: Pipeline) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw ledgerFailure(error);
  });
  const pipeline = new Pipeline(client);
  try {
    return await work(pipeline);
  } finally {
    client.release(pipeline.lost);
  }
}

async function transact<T>(pipeline: Pipeline, body: (tx: Queryable) => Promise<T>): Promise<T> {
  pipeline.begin();
  let result: T;
  try {
    result = await body(pipeline);
  } catch (error) {
    await pipeline.rollback();
    throw pipeline.failure ?? error;
  }
  await pipeline.commit();
  return result;
}

function typeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === BIGINT ? safeInteger : (pg.types.getTypeParser(oid, format) as (text: string) => unknown);
}

/** A bigint column as a number. */
export function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number))
    throw new LedgerError('ledger_failed', `The ledger holds ${text}, beyond the whole numbers of JavaScript.`);
  return number;
}
