import { join } from 'node:path';
import { Refusal } from '../../core/index.ts';
import { LedgerError, migrate, openPglite, openPostgres } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';

export interface OpenedLedger {
  readonly db: Database;
  /** For people; never with a password. */
  readonly where: string;
}

/** The ledger of `up`: `DATABASE_URL`, or PGlite below the home folder; migrated. Throws `Refusal`. */
export async function openLocalLedger(home: string, databaseUrl: string | null): Promise<OpenedLedger> {
  const folder = join(home, 'ledger');
  const db = await refusing(databaseUrl === null ? openPglite({ folder }) : openPostgres({ url: databaseUrl }));
  try {
    await refusing(migrate(db));
  } catch (error) {
    await db.close();
    throw error;
  }
  return { db, where: databaseUrl === null ? `PGlite in ${folder}` : `Postgres at ${new URL(databaseUrl).host}` };
}

/** Turns what the ledger says at start into words for people. */
export async function refusing<T>(opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === 'ledger_newer') {
      throw new Refusal('refused', 'ledger_newer', error.message, {
        hint: 'Install the newer Holdpoint, or name another ledger.',
        cause: error,
      });
    }
    throw new Refusal('unreachable', error.code, `The ledger could not be opened: ${error.message}`, {
      hint: 'Check that the database runs and that DATABASE_URL is right.',
      cause: error,
    });
  }
}
