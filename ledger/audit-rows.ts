import { auditText } from '../core/index.ts';
import type { AuditEntry, Instant, RunId } from '../core/index.ts';
import type { Queryable } from './database.ts';
import type { LockedRun } from './lock-run.ts';

/** Name of the chain that concerns no run. */
export const INSTALLATION_CHAIN = 'installation';

const APPEND = `
  WITH chain AS MATERIALIZED (
    SELECT a.seq, a.body, a.hash FROM runs r CROSS JOIN LATERAL holdpoint_audit_rows(r.audit_head, r.audit_seq, $2, $3::text[]) a WHERE r.id = $1
  ), logged AS (
    INSERT INTO audit (chain, seq, at, text, hash) SELECT $1, seq, $2, body, hash FROM chain
  )
  UPDATE runs SET (audit_seq, audit_head) = (SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1) WHERE id = $1`;

/** Sends rows for a run's chain; the caller holds the run's lock. */
export function appendAudit(tx: Queryable, run: LockedRun['id'], at: Instant, entries: readonly AuditEntry[]): void {
  if (entries.length > 0) void tx.query(APPEND, [run, at, auditTexts(entries)]);
}

function auditTexts(entries: readonly AuditEntry[]): string[] {
  return entries.map(auditText);
}

/** Tells the reconciler that there is work; sent with the commit. */
export function notify(tx: Queryable, run: RunId): void {
  void tx.query(`SELECT pg_notify('holdpoint', $1)`, [run]);
}
