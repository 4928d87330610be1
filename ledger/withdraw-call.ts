import type { HoldId, Instant, RunId, StepKey } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import type { Database } from './database.ts';
import { lockRun } from './lock-run.ts';
import { closeHold } from './write-hold.ts';

/** Open holds of the call, and an approval that was given and not used; answers to other questions stand. */
const READ = `
  SELECT holdpoint_now() AS now, calls.state, calls.waiting_for, (
    SELECT coalesce(json_agg(holds.id ORDER BY holds.opened_at), '[]') FROM holds WHERE holds.run = calls.run AND holds.key = calls.key AND (
      holds.state = 'open' OR (holds.state = 'granted' AND holds.kind = 'approval'
        AND NOT EXISTS (SELECT 1 FROM calls used WHERE used.used_grant = holds.id)))
  ) AS holds
  FROM calls WHERE calls.run = $1 AND calls.key = $2`;
const WITHDRAW = `
  UPDATE calls SET state = CASE state WHEN 'asked' THEN 'withdrawn' ELSE state END, waiting_for = NULL, changed_at = $3
  WHERE run = $1 AND key = $2`;

/** The workflow waits no more: its call and the holds that concern it alone are withdrawn. Idempotent; no such call is nothing to do. */
export async function withdrawCall(db: Database, run: RunId, key: StepKey, why: string): Promise<void> {
  await db.transaction(async (tx) => {
    const [, [row]] = await Promise.all([
      lockRun(tx, run),
      tx.query<{ now: Instant; state: string; waiting_for: HoldId | null; holds: readonly HoldId[] }>(READ, [run, key]),
    ]);
    if (row === undefined || (row.state !== 'asked' && row.waiting_for === null && row.holds.length === 0)) return;
    for (const hold of row.holds) closeHold(tx, hold, { kind: 'withdrawn', at: row.now, why });
    void tx.query(WITHDRAW, [run, key, row.now]);
    appendAudit(tx, run, row.now, [{ kind: 'call.withdrawn', body: { key, why, holds: row.holds } }]);
    notify(tx, run);
  });
}
