import type { RunId } from '../core/index.ts';
import type { Queryable } from './database.ts';
import { RUN_COLUMNS } from './run-row.ts';
import type { RunRow } from './run-row.ts';

export interface LockedRun extends RunRow {
  readonly audit_seq: number;
  readonly audit_head: string;
  readonly unfolded: unknown;
}

const LOCKED = `SELECT ${RUN_COLUMNS}, runs.audit_seq, runs.audit_head, runs.unfolded FROM runs`;

/**
 * The lock that comes first in every verb which writes to a run: shared locks of installation and agent, which the
 * scan takes when it has found the row, then the row itself, whose newest version is returned. What must be seen of
 * other tables is read by a later statement.
 */
const LOCK_RUN = `${LOCKED} WHERE runs.id = $1 AND holdpoint_share(runs.agent) FOR NO KEY UPDATE`;
const LOCK_RUN_OF_HOLD = `${LOCKED} WHERE runs.id = (SELECT run FROM holds WHERE id = $1) AND holdpoint_share(runs.agent) FOR NO KEY UPDATE`;

export async function lockRun(tx: Queryable, run: RunId): Promise<LockedRun | undefined> {
  return (await tx.query<LockedRun>(LOCK_RUN, [run]))[0];
}

export async function lockRunOfHold(tx: Queryable, hold: string): Promise<LockedRun | undefined> {
  return (await tx.query<LockedRun>(LOCK_RUN_OF_HOLD, [hold]))[0];
}
