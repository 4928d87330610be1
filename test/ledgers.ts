import { afterAll, beforeAll, describe } from 'vitest';
import { openPglite, openPostgres } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { freshDatabase, startPostgres } from './real-postgres.ts';

/** Runs a suite on PGlite and on a real Postgres. */
export function describeLedgers(title: string, suite: (open: () => Promise<Database>, kind: Database['kind']) => void): void {
  describe.each(['pglite', 'postgres'] as const)(`${title} (%s)`, (kind) => {
    const opened: Database[] = [];
    let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
    beforeAll(async () => {
      if (kind === 'postgres') server = await startPostgres();
    });
    afterAll(async () => {
      await Promise.all(opened.map((db) => db.close()));
      await server?.stop();
    });
    suite(async () => {
      const db = server === undefined ? await openPglite({ memory: true }) : await openPostgres({ url: await freshDatabase(server.url) });
      opened.push(db);
      return db;
    }, kind);
  });
}

/** Moves the ledger's clock, in one statement; only the ledger's owner may. */
export async function shiftClock(db: Database, millis: number): Promise<void> {
  await db.query(clockShiftedBy(millis));
}

export function clockShiftedBy(millis: number): string {
  const replace = 'CREATE OR REPLACE FUNCTION holdpoint_clock_shift() RETURNS bigint LANGUAGE sql STABLE AS';
  return `DO $do$ BEGIN EXECUTE format('${replace} $$ SELECT %s::bigint $$', holdpoint_clock_shift() + ${millis}); END $do$`;
}
