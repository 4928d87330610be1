import type {
  ActionName,
  CanonicalText,
  Choice,
  Digest,
  Edit,
  Hold,
  HoldId,
  HoldKind,
  HoldState,
  Outcome,
  Principal,
  Requirement,
  RunId,
  Shown,
  StepKey,
  StoredResult,
  Vote,
} from '../core/index.ts';
import type { Row } from './database.ts';

/** A hold with what people need beside it. */
export interface HoldRecord extends Hold {
  /** Votes on every version, oldest first. */
  readonly votes: readonly Vote[];
  /** The call's action and its input as the workflow sent it; null for a whole run. */
  readonly action: ActionName | null;
  readonly input: CanonicalText | null;
  /** What a settle that came too late knows of the outcome. */
  readonly evidence: StoredResult | null;
}

const HOLD_FIELDS = [
  'id',
  'run',
  'key',
  'kind',
  'state_detail',
  'version',
  'digest',
  'reason',
  'requires',
  'policy_set',
  'shown',
  'opened_at',
  'decide_by',
  'edit',
  'result',
  'evidence',
];
/** The columns of a `Hold`, of the table `holds` under that very name. */
export const HOLD_COLUMNS = HOLD_FIELDS.map((field) => `holds.${field}`).join(', ');

/**
 * That a hold of a known run is open, said so that it matches no partial index over all open holds: before
 * the table is analysed those look as good to the planner as the index by run, and a prepared plan stays.
 */
export const STILL_OPEN = `holds.state NOT IN ('granted', 'denied', 'expired', 'withdrawn')`;

export interface HoldRow extends Row {
  readonly id: HoldId;
  readonly run: RunId;
  readonly key: StepKey | null;
  readonly kind: HoldKind;
  readonly state_detail: string;
  readonly version: number;
  readonly digest: Digest | null;
  readonly reason: string;
  readonly requires: string;
  readonly policy_set: string | null;
  readonly shown: string;
  readonly opened_at: number;
  readonly decide_by: number | null;
  readonly edit: string | null;
  readonly result: string | null;
  readonly evidence: string | null;
}

export interface VoteRow extends Row {
  readonly hold: HoldId;
  readonly person: Principal;
  readonly version: number;
  readonly choice: Choice;
  readonly at: number;
}

export function holdFromRow(row: HoldRow): Hold {
  return {
    id: row.id,
    run: row.run,
    key: row.key,
    kind: row.kind,
    state: JSON.parse(row.state_detail) as HoldState,
    version: row.version,
    digest: row.digest,
    reason: row.reason,
    requires: JSON.parse(row.requires) as readonly Requirement[],
    policySet: row.policy_set,
    shown: JSON.parse(row.shown) as Shown,
    openedAt: row.opened_at,
    decideBy: row.decide_by,
    edit: row.edit === null ? null : (JSON.parse(row.edit) as Edit),
    result: row.result === null ? null : (JSON.parse(row.result) as StoredResult),
  };
}

/** The result that a late settle brought; a failure that came late is no result. */
export function evidenceFromRow(row: Pick<HoldRow, 'evidence'>): StoredResult | null {
  if (row.evidence === null) return null;
  const outcome = JSON.parse(row.evidence) as Outcome;
  return outcome.kind === 'succeeded' ? outcome.result : null;
}

export function voteFromRow(row: VoteRow): Vote {
  return { person: row.person, version: row.version, choice: row.choice, at: row.at };
}

/** A value that may be null as the text of a column that may be NULL. */
export function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
