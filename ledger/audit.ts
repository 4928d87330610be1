import type { AuditRow } from '../core/index.ts';
import type { Database } from './database.ts';

const LIST = 'SELECT seq, at, text, hash FROM audit WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT $3';
/** Each row against the one before it; then the head that the run or the installation keeps against the last row. */
const VERIFY = `
  WITH rows AS MATERIALIZED (
    SELECT seq, hash, hash IS DISTINCT FROM holdpoint_audit_hash(lag(hash, 1, '') OVER w, seq, at, text) OR seq <> row_number() OVER w AS broken
    FROM audit WHERE chain = $1 WINDOW w AS (ORDER BY seq)
  ), last AS (
    SELECT coalesce(max(seq), 0) AS seq, coalesce((SELECT hash FROM rows ORDER BY seq DESC LIMIT 1), '') AS hash FROM rows
  ), head AS (
    SELECT audit_seq AS seq, audit_head AS hash FROM runs WHERE id = $1
    UNION ALL SELECT audit_seq, audit_head FROM installation WHERE $1 = 'installation'
  )
  SELECT (SELECT count(*) FROM rows) AS rows, coalesce(
    (SELECT min(seq) FROM rows WHERE broken),
    (SELECT least(last.seq, head.seq) + CASE WHEN last.seq = head.seq THEN 0 ELSE 1 END FROM last, head
      WHERE (last.seq, last.hash) IS DISTINCT FROM (head.seq, head.hash)),
    (SELECT 1 FROM last WHERE last.seq > 0 AND NOT EXISTS (SELECT 1 FROM head))
  )::bigint AS broken_at`;

/** Rows of a chain after a sequence number, oldest first. A chain is a run's, named by its id, or `installation`. */
export async function listAudit(
  db: Database,
  chain: string,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly AuditRow[]> {
  return await db.query<AuditRow & { readonly [column: string]: unknown }>(LIST, [chain, page.after, page.limit]);
}

/** `brokenAt` = sequence number of the first row that is not what its chain says, or that is missing; null = the chain holds. */
export async function verifyAudit(db: Database, chain: string): Promise<{ readonly rows: number; readonly brokenAt: number | null }> {
  const [row] = await db.query<{ rows: number; broken_at: number | null }>(VERIFY, [chain]);
  return { rows: row?.rows ?? 0, brokenAt: row?.broken_at ?? null };
}
