import { PGlite } from '@electric-sql/pglite';
import type { Transaction } from '@electric-sql/pglite';
import type { Database, LedgerError, Queryable, Row } from './database.ts';
import { ledgerFailure } from './ledger-failure.ts';
import { safeInteger } from './postgres.ts';
import { retryContended } from './retry-contended.ts';

/** `folder` = where the data lie, made when missing; one process at a time may open it. `memory` forgets at close. */
export type PgliteOptions = { readonly folder: string } | { readonly memory: true };

const BIGINT = 20;

/** Opens Postgres in this process: one session, a superuser, so no roles and no waiting for locks. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const pglite = await PGlite.create({
    dataDir: 'folder' in options ? options.folder : 'memory://',
    parsers: { [BIGINT]: safeInteger },
  }).catch((error: unknown) => {
    throw ledgerFailure(error);
  });
  return {
    kind: 'pglite',
    query: <R extends Row>(sql: string, parameters?: readonly unknown[]) => retryContended(() => run<R>(pglite, sql, parameters)),
    transaction: (body) => retryContended(() => transact(pglite, body)),
    async listen(channel, heard) {
      return await pglite.listen(`"${channel}"`, heard).catch((error: unknown) => {
        throw ledgerFailure(error);
      });
    },
    async close() {
      if (!pglite.closed) await pglite.close();
    },
  };
}

async function run<R extends Row>(on: PGlite | Transaction, sql: string, parameters?: readonly unknown[]): Promise<readonly R[]> {
  try {
    const result = await on.query<R>(sql, parameters === undefined ? undefined : [...parameters]);
    return result.rows;
  } catch (error) {
    throw ledgerFailure(error);
  }
}

async function transact<T>(pglite: PGlite, body: (tx: Queryable) => Promise<T>): Promise<T> {
  let failure: LedgerError | undefined;
  try {
    return await pglite.transaction(async (handle) => {
      const sent: Promise<unknown>[] = [];
      const result = await body({
        query<R extends Row>(sql: string, parameters?: readonly unknown[]) {
          const rows = run<R>(handle, sql, parameters);
          sent.push(
            rows.catch((error: unknown) => {
              failure ??= ledgerFailure(error);
            }),
          );
          return rows;
        },
      });
      await Promise.all(sent);
      // PGlite would answer COMMIT with ROLLBACK and say nothing of it.
      if (failure !== undefined) throw failure;
      return result;
    });
  } catch (error) {
    throw failure ?? (pglite.closed ? ledgerFailure(error) : error);
  }
}
