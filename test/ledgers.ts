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

/** Moves the ledger's clock; only a connection without a role may. */
export async function shiftClock(db: Database, millis: number): Promise<void> {
  const [now] = await db.query<{ shift: number }>('SELECT holdpoint_clock_shift() AS shift');
  await db.query(clockShiftedBy((now?.shift ?? 0) + millis));
}

export function clockShiftedBy(millis: number): string {
  return `CREATE OR REPLACE FUNCTION holdpoint_clock_shift() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT ${millis}::bigint $$`;
}
