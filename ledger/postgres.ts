import pg from 'pg';
import type { Database } from './database.ts';
import { poolDatabase, typeParser } from './pool-database.ts';
import { listenOnPostgres } from './postgres-listener.ts';

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
/** A statement that waits longer has nobody at the other end: locks are given up sooner. The owner's migrations may take as long as they need. */
const ANSWER_TIMEOUT = 30_000;

/** Opens a pool and tries one connection. Throws `LedgerError` `ledger_away` where there is none. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const settings: pg.ClientConfig = {
    connectionString: options.url,
    application_name: `holdpoint ${options.role ?? 'owner'}`,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    lock_timeout: LOCK_TIMEOUT,
    idle_in_transaction_session_timeout: LOCK_TIMEOUT,
    ...(options.role !== undefined && { query_timeout: ANSWER_TIMEOUT }),
    keepAlive: true,
    pipeline: true,
    types: { getTypeParser: typeParser },
  };
  // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for what `onConnect` returns, whatever its type says
  const pool = new pg.Pool({ ...settings, max: options.poolSize ?? 10, onConnect: (client) => prepare(client, options.role) });
  const database = poolDatabase('postgres', pool, { listen: (channel, heard) => listenOnPostgres(settings, channel, heard) });
  try {
    await database.query('SELECT 1');
    return database;
  } catch (error) {
    await pool.end();
    throw error;
  }
}

async function prepare(client: pg.ClientBase, role: PostgresOptions['role']): Promise<void> {
  // Without a listener a connection that is lost while in use would end the process; its queries report the loss.
  client.on('error', () => undefined);
  if (role !== undefined) await client.query(`SET ROLE holdpoint_${role}`);
  // The gate's statements find rows by key and nothing else: planning them anew for each value is half their cost.
  if (role === 'worker') await client.query('SET plan_cache_mode = force_generic_plan');
}
