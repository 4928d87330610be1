import type { Hold, HoldFacts, HoldId } from '../core/index.ts';
import type { Queryable } from './database.ts';
import { HOLD_COLUMNS, evidenceFromRow, holdFromRow, voteFromRow } from './hold-row.ts';
import type { HoldRow, VoteRow } from './hold-row.ts';
import { lockRunOfHold } from './lock-run.ts';
import { runFromRow } from './run-row.ts';

const READ_HOLD = `SELECT holdpoint_now() AS now, ${HOLD_COLUMNS} FROM holds WHERE id = $1 FOR NO KEY UPDATE`;
const READ_VOTES = 'SELECT hold, person, version, choice, at FROM votes WHERE hold = $1 ORDER BY at, person';

/** Locks the run, then the hold, and reads what a ruling depends on, in one round trip. Null = no such hold. */
export async function lockHold(tx: Queryable, id: HoldId): Promise<(HoldFacts & { readonly hold: Hold }) | null> {
  const [locked, [row], votes] = await Promise.all([
    lockRunOfHold(tx, id),
    tx.query<HoldRow & { readonly now: number }>(READ_HOLD, [id]),
    tx.query<VoteRow>(READ_VOTES, [id]),
  ]);
  if (locked === undefined || row === undefined) return null;
  return { now: row.now, run: runFromRow(locked), hold: holdFromRow(row), votes: votes.map(voteFromRow), evidence: evidenceFromRow(row) };
}
