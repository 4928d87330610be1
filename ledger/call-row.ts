import type {
  ActionName,
  Call,
  CallState,
  CanonicalText,
  Denial,
  Digest,
  ExecutionRef,
  HoldId,
  Instant,
  Micros,
  Observed,
  StepKey,
  StoredResult,
  Token,
  Verdict,
} from '../core/index.ts';
import type { Row } from './database.ts';

/** A call as people see it. */
export interface CallRecord extends Call {
  readonly input: CanonicalText;
  readonly facts: CanonicalText | null;
  /** The physical execution that asked last. */
  readonly execution: ExecutionRef;
  /** The last verdict that was written. */
  readonly verdict: Verdict['kind'];
  readonly askedAt: Instant;
  readonly changedAt: Instant;
  /** What enforcement would have answered, where the call passed because something is in observe. */
  readonly observed: Observed | null;
}

const CALL_FIELDS = [
  'key',
  'action',
  'args_digest',
  'digest',
  'idempotent',
  'attempts',
  'claimed_at',
  'used_grant',
  'spend',
  'state',
  'token',
  'lease_until',
  'reserved',
  'detail',
  'waiting_for',
];
/** The columns of a `Call`, of the table `calls` under that very name. */
export const CALL_COLUMNS = CALL_FIELDS.map((field) => `calls.${field}`).join(', ');
export const CALL_RECORD_COLUMNS = `${CALL_COLUMNS}, calls.input, calls.facts, calls.workflow_id, calls.run_id, calls.verdict, calls.asked_at,
  calls.changed_at, calls.observed`;

export interface CallRow extends Row {
  readonly key: StepKey;
  readonly action: ActionName;
  readonly args_digest: Digest;
  readonly digest: Digest;
  readonly idempotent: boolean;
  readonly attempts: number;
  readonly claimed_at: number | null;
  readonly used_grant: HoldId | null;
  readonly spend: Micros;
  readonly state: CallState['kind'];
  readonly token: Token | null;
  readonly lease_until: number | null;
  readonly reserved: Micros;
  readonly detail: string | null;
  readonly waiting_for: HoldId | null;
}

export interface CallRecordRow extends CallRow {
  readonly input: CanonicalText;
  readonly facts: CanonicalText | null;
  readonly workflow_id: string;
  readonly run_id: string;
  readonly verdict: Verdict['kind'];
  readonly asked_at: number;
  readonly changed_at: number;
  readonly observed: string | null;
}

export function callFromRow(row: CallRow): Call {
  return {
    key: row.key,
    action: row.action,
    argsDigest: row.args_digest,
    digest: row.digest,
    idempotent: row.idempotent,
    attempts: row.attempts,
    claimedAt: row.claimed_at,
    grant: row.used_grant,
    spend: row.spend,
    state: stateFromRow(row),
    waitingFor: row.waiting_for,
  };
}

export function callRecordFromRow(row: CallRecordRow): CallRecord {
  return {
    ...callFromRow(row),
    input: row.input,
    facts: row.facts,
    execution: { workflowId: row.workflow_id, runId: row.run_id },
    verdict: row.verdict,
    askedAt: row.asked_at,
    changedAt: row.changed_at,
    observed: row.observed === null ? null : (JSON.parse(row.observed) as Observed),
  };
}

/** What `detail` holds beside the state: the result, the error or the denial, as JSON. */
export function detailOf(state: CallState): string | null {
  switch (state.kind) {
    case 'succeeded':
      return state.result === null ? null : JSON.stringify(state.result);
    case 'failed':
    case 'unknown':
      return JSON.stringify(state.error);
    case 'refused':
      return JSON.stringify(state.denial);
    default:
      return null;
  }
}

function stateFromRow(row: CallRow): CallState {
  const detail: unknown = row.detail === null ? null : JSON.parse(row.detail);
  switch (row.state) {
    case 'claimed':
      // A constraint keeps token and lease of a claim from being null.
      return { kind: 'claimed', token: row.token as Token, leaseUntil: row.lease_until as Instant, reserved: row.reserved };
    case 'succeeded':
      return { kind: 'succeeded', result: detail as StoredResult | null };
    case 'failed':
    case 'unknown':
      return { kind: row.state, error: String(detail) };
    case 'refused':
      return { kind: 'refused', denial: detail as Denial };
    case 'asked':
    case 'not-started':
    case 'withdrawn':
      return { kind: row.state };
  }
}
