import { execFile } from 'node:child_process';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { migrate, openPostgres } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { otherUser } from './postgres-programs.ts';
import { freshDatabase, startOwnPostgres } from './real-postgres.ts';

/** Holds a cluster and an empty ledger, and little more. */
const MEGABYTES = 80;
const NO_SPACE = '53100';

/** A migrated ledger on a Postgres of its own, whose disk can be filled. */
export interface LedgerOnSmallDisk {
  readonly db: Database;
  /** `mounted` = the tables lie on a file system that is really full; `raised` = where none can be mounted, Postgres is made to say that it is. */
  readonly how: 'mounted' | 'raised';
  fill(): Promise<void>;
  free(): Promise<void>;
  close(): Promise<void>;
}

export async function openLedgerOnSmallDisk(): Promise<LedgerOnSmallDisk> {
  const data = await mkdtemp(join(tmpdir(), 'holdpoint-disk-'));
  const mounted = await run('mount', '-t', 'tmpfs', '-o', `size=${MEGABYTES}m,mode=700`, 'tmpfs', data);
  const as = await otherUser();
  if (mounted && as !== undefined) await chown(data, as.uid, as.gid);
  const clean = async (): Promise<void> => {
    if (mounted) await run('umount', data);
    await rm(data, { recursive: true, force: true });
  };
  const server = await startOwnPostgres(mounted ? { data } : {}).catch(async (error: unknown) => {
    await clean();
    throw error;
  });
  const db = await openPostgres({ url: await freshDatabase(server.url) });
  await migrate(db);
  return {
    db,
    how: mounted ? 'mounted' : 'raised',
    fill: () => (mounted ? fillDisk(db) : raise(db)),
    free: async () => {
      await db.query(mounted ? 'DROP TABLE filler' : 'DROP TRIGGER no_space ON audit');
      if (mounted) await db.query('CHECKPOINT');
    },
    async close() {
      await db.close();
      await server.stop();
      await clean();
    },
  };
}

/** Until neither a new page nor, in those that the audit has, a row finds room. */
async function fillDisk(db: Database): Promise<void> {
  await db.query('CREATE TABLE IF NOT EXISTS filler (text text)');
  const filler = (rows: number) => `INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, ${rows})`;
  const audit = (length: number) => `
    INSERT INTO audit (chain, seq, at, text, hash)
    SELECT 'filler', coalesce(max(seq), 0) + 1, 0, repeat('x', ${length}), 'x' FROM audit WHERE chain = 'filler'`;
  for (const sql of [filler(1_000), filler(1), audit(1_000), audit(50)]) while (await fits(db, sql));
}

async function fits(db: Database, sql: string): Promise<boolean> {
  try {
    await db.query(sql);
    return true;
  } catch (error) {
    if (((error as Error).cause as { code?: string } | undefined)?.code === NO_SPACE) return false;
    throw error;
  }
}

async function raise(db: Database): Promise<void> {
  await db.query(`CREATE OR REPLACE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '${NO_SPACE}'; END $$`);
  await db.query('CREATE TRIGGER no_space BEFORE INSERT ON audit EXECUTE FUNCTION no_space()');
}

async function run(command: string, ...args: readonly string[]): Promise<boolean> {
  return await promisify(execFile)(command, [...args]).then(
    () => true,
    () => false,
  );
}
