import type { Database } from './database.ts';
import { LedgerError } from './database.ts';
import { tables } from './migrations/0001-tables.ts';
import { functions } from './migrations/0002-functions.ts';
import { guards } from './migrations/0003-guards.ts';
import { roles } from './migrations/0004-roles.ts';

interface Migration {
  readonly name: string;
  readonly statements: readonly string[];
  /** Left out on PGlite, whose only user is a superuser. */
  readonly postgresOnly?: true;
}

/** In order; a migration that was released is never changed. */
const MIGRATIONS: readonly Migration[] = [
  { name: 'tables', statements: tables },
  { name: 'functions', statements: functions },
  { name: 'guards', statements: guards },
  { name: 'roles', statements: roles, postgresOnly: true },
];

/** The schema's version that this code reads and writes. */
export const LEDGER_VERSION = MIGRATIONS.length;

/**
 * Brings the schema to `LEDGER_VERSION` in one transaction; needs a connection without a role. Several
 * processes may do so at once. Throws `LedgerError` `ledger_newer`, and changes nothing, where a later
 * release was here.
 */
export async function migrate(db: Database): Promise<{ from: number; to: number }> {
  return await db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock(7400, 1)');
    await tx.query('CREATE TABLE IF NOT EXISTS migrations (version bigint PRIMARY KEY, name text NOT NULL, at bigint NOT NULL)');
    const [row] = await tx.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM migrations');
    const from = row?.version ?? 0;
    refuseNewer(from);
    for (const [index, migration] of MIGRATIONS.entries()) {
      if (index < from) continue;
      if (migration.postgresOnly !== true || db.kind === 'postgres')
        for (const statement of migration.statements) await tx.query(statement);
      await tx.query('INSERT INTO migrations VALUES ($1, $2, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)', [
        index + 1,
        migration.name,
      ]);
    }
    return { from, to: LEDGER_VERSION };
  });
}

/**
 * Whether the schema is this release's, for who may not migrate it. Throws `LedgerError`: `ledger_newer`, or
 * `ledger_failed` where it is older or not there at all.
 */
export async function requireVersion(db: Database): Promise<void> {
  const [row] = await db.query<{ version: number }>('SELECT coalesce(max(version), 0) AS version FROM migrations');
  const version = row?.version ?? 0;
  refuseNewer(version);
  if (version === LEDGER_VERSION) return;
  throw new LedgerError(
    'ledger_failed',
    `The ledger is at version ${version}; this release needs ${LEDGER_VERSION}. Start its server, which migrates.`,
  );
}

function refuseNewer(version: number): void {
  if (version <= LEDGER_VERSION) return;
  throw new LedgerError('ledger_newer', `The ledger is at version ${version}; this release knows ${LEDGER_VERSION}. Upgrade this release.`);
}
