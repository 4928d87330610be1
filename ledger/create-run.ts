import { auditText, canonical } from '../core/index.ts';
import type { Admission, CanonicalText, Mode, Principal, RunId, RunLimits } from '../core/index.ts';
import type { Database } from './database.ts';

/** A run that is about to start. The caller draws the id; every limit is stated (`completeLimits`). */
export interface NewRun {
  readonly id: RunId;
  readonly agent: string;
  readonly workflow: string;
  /** Who asked for it; sorted and without repeats is how it is read back. */
  readonly requesters: readonly Principal[];
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: RunLimits;
  /** Temporal's workflow id of the root. */
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly input: CanonicalText;
  /** Default: `enforce`. */
  readonly mode?: Mode;
  /** Set for a run that was started elsewhere: Temporal's first run id, and what becomes of an agent that nobody has answered for. */
  readonly adopted?: { readonly firstRunId: string; readonly admission: Admission } | undefined;
}

const CREATE = `
  WITH made AS (
    INSERT INTO runs (id, agent, workflow, requesters, labels, workflow_id, task_queue, steps_limit, spend_limit, time_limit, identical_limit,
      failures_limit, mode, admission, adopted, first_run_id, created_at, started_at, audit_seq, audit_head)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $15, $16, $17, $18, now, now, 1, holdpoint_audit_hash('', 1, now, $14)
    FROM (SELECT holdpoint_now() AS now OFFSET 0) clock
    ON CONFLICT (id) DO NOTHING
    RETURNING id, created_at, audit_head
  ), kept AS (
    INSERT INTO run_inputs (run, input) SELECT id, $13 FROM made
  ), logged AS (
    INSERT INTO audit (chain, seq, at, text, hash) SELECT id, 1, created_at, $14, audit_head FROM made
  )
  SELECT 1 FROM made`;

/** `exists` = this id is taken, by an earlier try of the same request unless ids are drawn badly; nothing was changed. */
export async function createRun(db: Database, run: NewRun): Promise<'created' | 'exists'> {
  const { limits, mode = 'enforce', adopted } = run;
  const requesters = [...new Set(run.requesters)].sort();
  const labels = canonical(run.labels);
  const text = auditText({
    kind: adopted === undefined ? 'run.created' : 'run.adopted',
    body: {
      run: run.id,
      agent: run.agent,
      workflow: run.workflow,
      workflowId: run.workflowId,
      requesters,
      labels: { ...run.labels },
      limits: { ...limits },
      mode,
    },
  });
  const made = await db.query(CREATE, [
    run.id,
    run.agent,
    run.workflow,
    canonical(requesters),
    labels,
    run.workflowId,
    run.taskQueue,
    limits.steps,
    limits.spend,
    limits.time,
    limits.identical,
    limits.failures,
    run.input,
    text,
    mode,
    adopted?.admission ?? null,
    adopted !== undefined,
    adopted?.firstRunId ?? null,
  ]);
  return made.length > 0 ? 'created' : 'exists';
}
