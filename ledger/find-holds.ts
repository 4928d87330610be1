import type { ActionName, CanonicalText, HoldId, HoldKind, HoldState, Page, RunId, Vote } from '../core/index.ts';
import type { Database } from './database.ts';
import { HOLD_COLUMNS, evidenceFromRow, holdFromRow, voteFromRow } from './hold-row.ts';
import type { HoldRecord, HoldRow, VoteRow } from './hold-row.ts';
import { pageOf, parseCursor } from './page-cursor.ts';

export interface HoldFilter {
  readonly run?: RunId | undefined;
  readonly state?: HoldState['kind'] | undefined;
  readonly kind?: HoldKind | undefined;
  /** Holds a page, ≥ 1. */
  readonly limit: number;
  /** `next` of the page before; absent or null = from the newest. */
  readonly cursor?: string | null | undefined;
}

const RECORD = `
  SELECT ${HOLD_COLUMNS}, calls.action, calls.input,
    (SELECT json_agg(v ORDER BY v.at, v.person) FROM (SELECT hold, person, version, choice, at FROM votes WHERE votes.hold = holds.id) v) AS votes
  FROM holds LEFT JOIN calls ON calls.run = holds.run AND calls.key = holds.key`;
const FIND = `${RECORD} WHERE holds.id = $1`;
const LIST = `${RECORD}
  WHERE ($1::text IS NULL OR holds.run = $1) AND ($2::text IS NULL OR holds.state = $2) AND ($3::text IS NULL OR holds.kind = $3)
    AND ($4::bigint IS NULL OR (holds.opened_at, holds.id) < ($4, $5))
  ORDER BY holds.opened_at DESC, holds.id DESC LIMIT $6`;
const VOTES = 'SELECT hold, person, version, choice, at FROM votes WHERE hold = $1 ORDER BY at, person';

interface RecordRow extends HoldRow {
  readonly action: ActionName | null;
  readonly input: CanonicalText | null;
  readonly votes: readonly VoteRow[] | null;
}

export async function findHold(db: Database, id: HoldId): Promise<HoldRecord | null> {
  const [row] = await db.query<RecordRow>(FIND, [id]);
  return row === undefined ? null : recordFromRow(row);
}

/** Newest first. Throws `Refusal` `cursor_invalid`. */
export async function listHolds(db: Database, filter: HoldFilter): Promise<Page<HoldRecord>> {
  const { run = null, state = null, kind = null, limit } = filter;
  const after = parseCursor(filter.cursor);
  const rows = await db.query<RecordRow>(LIST, [run, state, kind, after?.at ?? null, after?.id ?? null, limit + 1]);
  return pageOf(rows.map(recordFromRow), limit, (hold) => ({ at: hold.openedAt, id: hold.id }));
}

/** Votes on every version of a hold, oldest first. */
export async function findVotes(db: Database, hold: HoldId): Promise<readonly Vote[]> {
  return (await db.query<VoteRow>(VOTES, [hold])).map(voteFromRow);
}

function recordFromRow(row: RecordRow): HoldRecord {
  return {
    ...holdFromRow(row),
    votes: (row.votes ?? []).map(voteFromRow),
    action: row.action,
    input: row.input,
    evidence: evidenceFromRow(row),
  };
}
