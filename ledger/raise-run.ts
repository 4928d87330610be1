import type { Instant, Principal, Raise, RunId } from '../core/index.ts';
import { appendAudit } from './audit-rows.ts';
import type { Database, Queryable } from './database.ts';
import { STILL_OPEN } from './hold-row.ts';
import { lockRun } from './lock-run.ts';

const RAISE = `
  UPDATE runs SET
    steps_limit = steps_limit + $2, spend_limit = spend_limit + $3, time_limit = time_limit + $4, identical_limit = identical_limit + $5,
    failures_limit = failures_limit + $6, overrun_accepted = CASE WHEN $3 > 0 THEN overrun ELSE overrun_accepted END
  WHERE id = $1`;
const READ = `SELECT holdpoint_now() AS now, EXISTS (SELECT 1 FROM holds WHERE run = $1 AND key IS NULL AND kind = 'breaker' AND ${STILL_OPEN}) AS tripped`;

/** Sends. A raise of spend accepts what was overrun so far. */
export function raiseLimits(tx: Queryable, run: RunId, raise: Raise): void {
  void tx.query(RAISE, [run, raise.steps ?? 0, raise.spend ?? 0, raise.time ?? 0, raise.identical ?? 0, raise.failures ?? 0]);
}

/**
 * Raises limits that have not tripped. Nothing is written, and the answer says why, where a breaker hold is
 * open (decide that instead), or the run has ended or never was.
 */
export async function raiseRun(
  db: Database,
  run: RunId,
  ask: { readonly raise: Raise; readonly by: Principal; readonly reason: string },
): Promise<'raised' | 'breaker_open' | 'run_ended' | 'run_unknown'> {
  return await db.transaction(async (tx) => {
    const [locked, [facts]] = await Promise.all([lockRun(tx, run), tx.query<{ now: Instant; tripped: boolean }>(READ, [run])]);
    if (locked === undefined || facts === undefined) return 'run_unknown';
    if (locked.closed !== null || locked.fenced_at !== null) return 'run_ended';
    if (facts.tripped) return 'breaker_open';
    raiseLimits(tx, run, ask.raise);
    appendAudit(tx, run, facts.now, [{ kind: 'run.raised', body: { raise: { ...ask.raise }, by: ask.by, reason: ask.reason } }]);
    return 'raised';
  });
}
