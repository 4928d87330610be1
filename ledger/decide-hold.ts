import type { Hold, HoldFacts, HoldId, Instant, Raise, Ruling, RunId } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import type { Database, Queryable } from './database.ts';
import { desireDelivery } from './deliveries.ts';
import { HOLD_COLUMNS, evidenceFromRow, holdFromRow, voteFromRow } from './hold-row.ts';
import type { HoldRow, VoteRow } from './hold-row.ts';
import { lockRunOfHold } from './lock-run.ts';
import { runFromRow } from './run-row.ts';
import { replaceHold } from './write-hold.ts';

const READ_HOLD = `SELECT holdpoint_now() AS now, ${HOLD_COLUMNS} FROM holds WHERE id = $1 FOR NO KEY UPDATE`;
const READ_VOTES = 'SELECT hold, person, version, choice, at FROM votes WHERE hold = $1 ORDER BY at, person';
const VOTE = 'INSERT INTO votes (hold, version, person, choice, at) VALUES ($1, $2, $3, $4, $5)';
const RAISE = `
  UPDATE runs SET
    steps_limit = steps_limit + $2, spend_limit = spend_limit + $3, time_limit = time_limit + $4, identical_limit = identical_limit + $5,
    failures_limit = failures_limit + $6, overrun_accepted = CASE WHEN $3 > 0 THEN overrun ELSE overrun_accepted END
  WHERE id = $1`;
const FENCE = 'UPDATE runs SET fenced_at = $2, fence_by = $3, fence_reason = $4 WHERE id = $1 AND fenced_at IS NULL';

/**
 * One decision on one hold: vote, state, limits, fence, what the world must be told and the audit are one
 * transaction. Null = no such hold. Throws `LedgerError`; after `ledger_away` look whether the vote is there.
 */
export async function decideHold(db: Database, id: HoldId, rule: (facts: HoldFacts) => Ruling): Promise<Ruling | null> {
  return await db.transaction(async (tx) => {
    const [locked, [row], votes] = await Promise.all([
      lockRunOfHold(tx, id),
      tx.query<HoldRow & { readonly now: Instant }>(READ_HOLD, [id]),
      tx.query<VoteRow>(READ_VOTES, [id]),
    ]);
    if (locked === undefined || row === undefined) return null;
    const before = holdFromRow(row);
    const ruling = rule({ now: row.now, run: runFromRow(locked), hold: before, votes: votes.map(voteFromRow), evidence: evidenceFromRow(row) });
    write(tx, before, ruling, row.now);
    return ruling;
  });
}

function write(tx: Queryable, before: Hold, ruling: Ruling, now: Instant): void {
  const { run } = before;
  const after = ruling.kind === 'accepted' ? { ...ruling.hold, result: ruling.result ?? ruling.hold.result } : ruling.hold;
  if (after !== null) replaceHold(tx, after);
  if (ruling.kind === 'accepted') {
    const { vote } = ruling;
    void tx.query(VOTE, [before.id, vote.version, vote.person, vote.choice, vote.at]);
    if (ruling.raise !== null) raiseLimits(tx, run, ruling.raise);
    if (ruling.kill !== null) {
      void tx.query(FENCE, [run, now, vote.person, ruling.kill]);
      desireDelivery(tx, { kind: 'stop', subject: run, run }, now);
    }
  }
  if (after !== null && after.state.kind !== before.state.kind) desireDelivery(tx, { kind: 'wake', subject: before.id, run }, now);
  appendAudit(tx, run, now, ruling.audit);
  if (after !== null) notify(tx, run);
}

/** Sends. A raise of spend accepts what was overrun so far. */
export function raiseLimits(tx: Queryable, run: RunId, raise: Raise): void {
  void tx.query(RAISE, [run, raise.steps ?? 0, raise.spend ?? 0, raise.time ?? 0, raise.identical ?? 0, raise.failures ?? 0]);
}
