import type { ExecutionRef, Instant, Mode, Principal, RunId } from '../core/index.ts';
import { appendAudit } from './audit-rows.ts';
import type { Database } from './database.ts';
import { lockRun } from './lock-run.ts';

/** One physical execution of a run's workflows, whose place in the run was confirmed with Temporal. */
export interface ExecutionRecord extends ExecutionRef {
  /** Temporal's first run id of its chain of continued executions. */
  readonly firstRunId: string;
  /** Logical path within the run; '' for the root. */
  readonly path: string;
  readonly run: RunId;
}

export interface RunOfExecution {
  readonly workflowId: string;
  readonly firstRunId: string | null;
  readonly agent: string;
  readonly requesters: readonly Principal[];
  readonly workflow: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly mode: Mode;
}

const COLUMNS = `workflow_id AS "workflowId", run_id AS "runId", first_run_id AS "firstRunId", path, run`;
const FIND = `
  SELECT run, path, runs.adopted FROM executions JOIN runs ON runs.id = executions.run
  WHERE executions.workflow_id = $1 AND executions.run_id = $2`;
const LIST = `SELECT ${COLUMNS} FROM executions WHERE run = $1 ORDER BY seen_at, workflow_id, run_id`;
const FACTS = `
  SELECT holdpoint_now() AS now, (SELECT first_run_id FROM runs WHERE id = $3) AS root,
    (SELECT json_build_object('run', run, 'path', path, 'firstRunId', first_run_id) FROM executions WHERE workflow_id = $1 AND run_id = $2) AS known`;
const RECORD = 'INSERT INTO executions (workflow_id, run_id, first_run_id, path, run, seen_at) VALUES ($1, $2, $3, $4, $5, $6)';
const START = 'UPDATE runs SET first_run_id = $2, started_at = $3 WHERE id = $1 AND first_run_id IS NULL';
const IDENTITY = 'SELECT workflow_id, first_run_id, agent, requesters, workflow, labels, mode FROM runs WHERE id = $1';

/** `adopted` = its run was started elsewhere. */
export async function findExecution(
  db: Database,
  execution: ExecutionRef,
): Promise<{ readonly run: RunId; readonly path: string; readonly adopted: boolean } | null> {
  const [row] = await db.query<{ run: RunId; path: string; adopted: boolean }>(FIND, [execution.workflowId, execution.runId]);
  return row ?? null;
}

/** Every execution of a run that asked for a call, the first seen first. */
export async function listExecutions(db: Database, run: RunId): Promise<readonly ExecutionRecord[]> {
  return await db.query<ExecutionRecord & { readonly [column: string]: unknown }>(LIST, [run]);
}

/**
 * Whether the execution belongs where it says, recording it when it is new. The first root that is
 * recorded gives the run its first run id; another chain under the root's path is refused, and so are
 * another place for a known execution and a run that does not exist.
 */
export async function recordExecution(db: Database, execution: ExecutionRecord): Promise<boolean> {
  const { workflowId, runId, firstRunId, path, run } = execution;
  return await db.transaction(async (tx) => {
    type FactsRow = { now: Instant; root: string | null; known: Pick<ExecutionRecord, 'run' | 'path' | 'firstRunId'> | null };
    const [locked, [facts]] = await Promise.all([lockRun(tx, run), tx.query<FactsRow>(FACTS, [workflowId, runId, run])]);
    if (locked === undefined || facts === undefined) return false;
    const { now, root, known } = facts;
    if (known !== null) return known.run === run && known.path === path && known.firstRunId === firstRunId;
    if (path === '' && root !== null && root !== firstRunId) return false;
    void tx.query(RECORD, [workflowId, runId, firstRunId, path, run, now]);
    if (path === '' && root === null) {
      void tx.query(START, [run, firstRunId, now]);
      appendAudit(tx, run, now, [{ kind: 'run.started', body: { firstRunId } }]);
    }
    return true;
  });
}

/** The starter's word for what `recordExecution` finds out at the first call. False = it was started as another execution, or never created. */
export async function recordStart(db: Database, run: RunId, firstRunId: string): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const [locked, [facts]] = await Promise.all([
      lockRun(tx, run),
      tx.query<{ now: Instant; root: string | null }>('SELECT holdpoint_now() AS now, first_run_id AS root FROM runs WHERE id = $1', [run]),
    ]);
    if (locked === undefined || facts === undefined) return false;
    if (facts.root !== null) return facts.root === firstRunId;
    void tx.query(START, [run, firstRunId, facts.now]);
    appendAudit(tx, run, facts.now, [{ kind: 'run.started', body: { firstRunId } }]);
    return true;
  });
}

/** What the gate must know of a run before it asks; none of it changes, but for a first run id that was null. */
export async function findRunIdentity(db: Database, run: RunId): Promise<RunOfExecution | null> {
  type IdentityRow = {
    workflow_id: string;
    first_run_id: string | null;
    agent: string;
    requesters: string;
    workflow: string;
    labels: string;
    mode: Mode;
  };
  const [row] = await db.query<IdentityRow>(IDENTITY, [run]);
  if (row === undefined) return null;
  return {
    workflowId: row.workflow_id,
    firstRunId: row.first_run_id,
    agent: row.agent,
    requesters: JSON.parse(row.requesters) as readonly Principal[],
    workflow: row.workflow,
    labels: JSON.parse(row.labels) as Readonly<Record<string, string>>,
    mode: row.mode,
  };
}
