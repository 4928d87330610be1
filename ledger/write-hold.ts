import type { Hold, HoldId, HoldState } from '../core/index.ts';
import type { Queryable } from './database.ts';
import { jsonOrNull } from './hold-row.ts';

const OPEN = `
  INSERT INTO holds (id, run, key, kind, state, state_detail, version, digest, reason, requires, policy_set, shown, opened_at, decide_by, edit, result)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`;
const CLOSE = `UPDATE holds SET state = $2, state_detail = $3 WHERE id = $1`;
const REPLACE = `
  UPDATE holds SET state = $2, state_detail = $3, version = $4, digest = $5, decide_by = $6, edit = $7, result = $8 WHERE id = $1`;

/** These send; the caller holds the run's lock. A trigger keeps the run's count of open holds and its clock of waiting. */
export function openHold(tx: Queryable, hold: Hold): void {
  void tx.query(OPEN, [
    hold.id,
    hold.run,
    hold.key,
    hold.kind,
    hold.state.kind,
    JSON.stringify(hold.state),
    hold.version,
    hold.digest,
    hold.reason,
    JSON.stringify(hold.requires),
    hold.policySet,
    JSON.stringify(hold.shown),
    hold.openedAt,
    hold.decideBy,
    jsonOrNull(hold.edit),
    jsonOrNull(hold.result),
  ]);
}

export function closeHold(tx: Queryable, id: HoldId, state: HoldState): void {
  void tx.query(CLOSE, [id, state.kind, JSON.stringify(state)]);
}

/** Writes everything about a hold that a decision may change. */
export function replaceHold(tx: Queryable, hold: Hold): void {
  void tx.query(REPLACE, [
    hold.id,
    hold.state.kind,
    JSON.stringify(hold.state),
    hold.version,
    hold.digest,
    hold.decideBy,
    jsonOrNull(hold.edit),
    jsonOrNull(hold.result),
  ]);
}
