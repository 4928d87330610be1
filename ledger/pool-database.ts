import pg from 'pg';
import type { Database, Queryable, Row } from './database.ts';
import { LedgerError } from './database.ts';
import { ledgerFailure } from './ledger-failure.ts';
import { Pipeline } from './postgres-pipeline.ts';
import { retryContended } from './retry-contended.ts';

const BIGINT = 20;

/** The port on a pool of connections. What only one kind of them can do, and what remains to be closed after the pool, is given. */
export function poolDatabase(
  kind: Database['kind'],
  pool: pg.Pool,
  own: Pick<Database, 'listen'> & { readonly close?: () => Promise<void> },
): Database {
  // An idle connection that dies is replaced at the next use, which reports what is wrong.
  pool.on('error', () => undefined);
  const stops = new Set<() => Promise<void>>();
  return {
    kind,
    query: <R extends Row>(sql: string, parameters?: readonly unknown[]) =>
      retryContended(() => withClient(pool, async (pipeline) => await pipeline.query<R>(sql, parameters))),
    transaction: (body) => retryContended(() => withClient(pool, (pipeline) => transact(pipeline, body))),
    async listen(channel, heard) {
      const stop = await own.listen(channel, heard);
      stops.add(stop);
      return async () => {
        stops.delete(stop);
        await stop();
      };
    },
    async close() {
      await Promise.all([...stops].map((stop) => stop()));
      if (!pool.ending) await pool.end();
      await own.close?.();
    },
  };
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

export function typeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === BIGINT ? safeInteger : (pg.types.getTypeParser(oid, format) as (text: string) => unknown);
}

/** A bigint column as a number. */
function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number))
    throw new LedgerError('ledger_failed', `The ledger holds ${text}, beyond the whole numbers of JavaScript.`);
  return number;
}
