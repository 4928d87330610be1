import { auditText } from '../core/index.ts';
import type { Principal, RunId, RunState } from '../core/index.ts';
import type { Database } from './database.ts';
import { RUN_STATE } from './run-row.ts';

/** Runs by name, or all open ones that match; an empty filter means all. */
export type FenceFilter =
  | { readonly runs: readonly RunId[] }
  | { readonly agent?: string | undefined; readonly state?: RunState | undefined };

/** Rows are locked in one order; the clock is read, and each chain continued, once they are. */
const FENCE = `
  WITH picked AS MATERIALIZED (
    SELECT runs.id, runs.audit_seq, runs.audit_head FROM runs
    WHERE runs.closed IS NULL AND runs.fenced_at IS NULL AND ($1::text[] IS NULL OR runs.id = ANY ($1))
      AND ($2::text IS NULL OR runs.agent = $2) AND ($3::text IS NULL OR ${RUN_STATE} = $3)
    ORDER BY runs.id FOR NO KEY UPDATE
  ), clock AS MATERIALIZED (SELECT holdpoint_now() AS now FROM (SELECT count(*) FROM picked) counted),
  chain AS MATERIALIZED (
    SELECT picked.id, clock.now, a.seq, a.body, a.hash
    FROM picked, clock, LATERAL holdpoint_audit_rows(picked.audit_head, picked.audit_seq, clock.now, ARRAY[$6::text]) a
  ), logged AS (
    INSERT INTO audit (chain, seq, at, text, hash) SELECT id, seq, now, body, hash FROM chain
  ), told AS (
    INSERT INTO deliveries (kind, subject, run, desired, due_at) SELECT 'stop', id, id, 1, now FROM chain
    ON CONFLICT (kind, subject) DO UPDATE SET desired = deliveries.desired + 1, due_at = excluded.due_at, tries = 0, error = NULL
  )
  UPDATE runs SET fenced_at = chain.now, fence_by = $4, fence_reason = $5, audit_seq = chain.seq, audit_head = chain.hash
  FROM chain WHERE runs.id = chain.id
  RETURNING runs.id`;

/**
 * The kill fence, by one statement: from its commit on nothing of these runs is claimed. Their workflows
 * are to be stopped. Gives the runs that were fenced now; a run that is fenced or closed stays as it is.
 */
export async function fenceRuns(
  db: Database,
  filter: FenceFilter,
  { by, reason }: { readonly by: Principal; readonly reason: string },
): Promise<readonly RunId[]> {
  const [runs, agent, state] = 'runs' in filter ? [filter.runs, null, null] : [null, filter.agent ?? null, filter.state ?? null];
  const text = auditText({ kind: 'run.killed', body: { by, reason } });
  return await db.transaction(async (tx) => {
    const fenced = tx.query<{ id: RunId }>(FENCE, [runs === null ? null : [...runs], agent, state, by, reason, text]);
    void tx.query(`SELECT pg_notify('holdpoint', '')`);
    return (await fenced).map((row) => row.id);
  });
}
