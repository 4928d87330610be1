import { runState } from '../core/index.ts';
import type { Admission, CanonicalText, Instant, Meters, Micros, Mode, Principal, Run, RunClosed, RunId, RunState } from '../core/index.ts';
import type { Row } from './database.ts';

/** A run as people and the reconciler see it. Money in micro-USD. */
export interface RunRecord extends Run {
  readonly workflowId: string;
  /** Temporal's first run id of the root; null until it is known to have started. */
  readonly firstRunId: string | null;
  readonly taskQueue: string;
  readonly input: CanonicalText;
  readonly createdAt: Instant;
  readonly closedAt: Instant | null;
  /** Why it ended, for people; null while it is open. */
  readonly closedReason: string | null;
  /** Who killed it and why; null = nobody did. */
  readonly fence: { readonly by: Principal; readonly reason: string; readonly at: Instant } | null;
  /** Calls whose attempt is under way. */
  readonly claimed: number;
  readonly state: RunState;
}

const RUN_FIELDS = [
  'id',
  'agent',
  'workflow',
  'requesters',
  'labels',
  'mode',
  'admission',
  'started_at',
  'fenced_at',
  'closed',
  'steps_limit',
  'spend_limit',
  'time_limit',
  'identical_limit',
  'failures_limit',
  'steps_used',
  'settled',
  'reserved',
  'overrun',
  'overrun_accepted',
  'waited',
  'waiting_since',
  'open_holds',
  'meters',
];
/** The columns of a `Run`, of the table `runs` under that very name. */
export const RUN_COLUMNS = RUN_FIELDS.map((field) => `runs.${field}`).join(', ');
/** The columns of a `RunRecord`; `runs` is joined with `run_inputs`. */
export const RUN_RECORD_COLUMNS = `${RUN_COLUMNS}, runs.workflow_id, runs.first_run_id, runs.task_queue, runs.created_at, runs.closed_at,
  runs.closed_reason, runs.fence_by, runs.fence_reason, runs.claimed, run_inputs.input`;

/** `runState` in SQL, for filters; a test compares the two. */
export const RUN_STATE = `(CASE WHEN runs.fenced_at IS NOT NULL THEN 'killed' WHEN runs.closed IS NOT NULL THEN runs.closed
  WHEN runs.open_holds > 0 AND runs.claimed = 0 THEN 'held' ELSE 'running' END)`;

export interface RunRow extends Row {
  readonly id: RunId;
  readonly agent: string;
  readonly workflow: string;
  readonly requesters: string;
  readonly labels: string;
  readonly mode: Mode;
  readonly admission: Admission | null;
  readonly started_at: number;
  readonly fenced_at: number | null;
  readonly closed: RunClosed | null;
  readonly steps_limit: number;
  readonly spend_limit: Micros;
  readonly time_limit: number;
  readonly identical_limit: number;
  readonly failures_limit: number;
  readonly steps_used: number;
  readonly settled: Micros;
  readonly reserved: Micros;
  readonly overrun: Micros;
  readonly overrun_accepted: Micros;
  readonly waited: number;
  readonly waiting_since: number | null;
  readonly open_holds: number;
  readonly meters: string;
}

export interface RunRecordRow extends RunRow {
  readonly workflow_id: string;
  readonly first_run_id: string | null;
  readonly task_queue: string;
  readonly created_at: number;
  readonly closed_at: number | null;
  readonly closed_reason: string | null;
  readonly fence_by: string | null;
  readonly fence_reason: string | null;
  readonly claimed: number;
  readonly input: CanonicalText;
}

export function runFromRow(row: RunRow): Run {
  return {
    id: row.id,
    agent: row.agent,
    workflow: row.workflow,
    requesters: JSON.parse(row.requesters) as readonly Principal[],
    labels: JSON.parse(row.labels) as Readonly<Record<string, string>>,
    mode: row.mode,
    admission: row.admission,
    startedAt: row.started_at,
    fencedAt: row.fenced_at,
    closed: row.closed,
    limits: {
      steps: row.steps_limit,
      spend: row.spend_limit,
      time: row.time_limit,
      identical: row.identical_limit,
      failures: row.failures_limit,
    },
    used: {
      steps: row.steps_used,
      settled: row.settled,
      reserved: row.reserved,
      overrun: row.overrun,
      overrunAccepted: row.overrun_accepted,
    },
    waited: row.waited,
    waitingSince: row.waiting_since,
    openHolds: row.open_holds,
    meters: JSON.parse(row.meters) as Meters,
  };
}

export function runRecordFromRow(row: RunRecordRow): RunRecord {
  const run = runFromRow(row);
  const { fence_by: by, fence_reason: reason, fenced_at: at } = row;
  return {
    ...run,
    workflowId: row.workflow_id,
    firstRunId: row.first_run_id,
    taskQueue: row.task_queue,
    input: row.input,
    createdAt: row.created_at,
    closedAt: row.closed_at,
    closedReason: row.closed_reason,
    fence: at === null || by === null || reason === null ? null : { by, reason, at },
    claimed: row.claimed,
    state: runState({ ...run, claimed: row.claimed }),
  };
}
