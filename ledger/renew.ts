import type { Millis, RunId, StepKey, Token } from '../core/index.ts';
import type { Database } from './database.ts';

/** Under the run's lock, so that a claim which finds the lease over is not contradicted. */
const RENEW = `
  WITH run AS MATERIALIZED (SELECT id, fenced_at FROM runs WHERE id = $1 FOR NO KEY UPDATE)
  UPDATE calls SET lease_until = holdpoint_now() + $4 FROM run
  WHERE calls.run = run.id AND calls.key = $2 AND calls.token = $3 AND calls.state = 'claimed'
  RETURNING run.fenced_at IS NOT NULL AS fenced`;

/**
 * Extends an attempt's lease by `lease` from now. `lost` = the attempt is no longer the current one.
 * `fenced` = the run was killed: the lease is extended all the same, so that the outcome can be told.
 */
export async function renew(db: Database, run: RunId, key: StepKey, token: Token, lease: Millis): Promise<'renewed' | 'lost' | 'fenced'> {
  const [row] = await db.query<{ fenced: boolean }>(RENEW, [run, key, token, lease]);
  if (row === undefined) return 'lost';
  return row.fenced ? 'fenced' : 'renewed';
}
