import type { HoldId, Instant, RunClosed, RunId } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import type { Database } from './database.ts';
import { STILL_OPEN } from './hold-row.ts';
import { lockRun } from './lock-run.ts';
import { closeHold } from './write-hold.ts';

const READ = `
  SELECT holdpoint_now() AS now, coalesce((SELECT json_agg(id ORDER BY opened_at, id) FROM holds WHERE run = $1 AND ${STILL_OPEN}), '[]') AS holds`;
const STOP_WAITING = `
  UPDATE calls SET state = CASE state WHEN 'asked' THEN 'withdrawn' ELSE state END, waiting_for = NULL, changed_at = $2
  WHERE run = $1 AND (waiting_for IS NOT NULL OR state = 'asked')`;
const CLOSE = 'UPDATE runs SET closed = $2, closed_at = $3, closed_reason = $4 WHERE id = $1';

/** Ends a run: its open holds and waiting calls are withdrawn. Idempotent; the first end stands. */
export async function closeRun(db: Database, run: RunId, closed: RunClosed, why: string): Promise<void> {
  await db.transaction(async (tx) => {
    const [locked, [row]] = await Promise.all([lockRun(tx, run), tx.query<{ now: Instant; holds: readonly HoldId[] }>(READ, [run])]);
    if (locked === undefined || row === undefined || locked.closed !== null) return;
    const { now, holds } = row;
    for (const hold of holds) closeHold(tx, hold, { kind: 'withdrawn', at: now, why });
    void tx.query(STOP_WAITING, [run, now]);
    void tx.query(CLOSE, [run, closed, now, why]);
    appendAudit(tx, run, now, [{ kind: 'run.closed', body: { closed, why, withdrawn: holds } }]);
    notify(tx, run);
  });
}
