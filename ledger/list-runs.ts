import type { Instant, Page, RunId, RunState } from '../core/index.ts';
import type { CallRecord, CallRecordRow } from './call-row.ts';
import { CALL_RECORD_COLUMNS, callRecordFromRow } from './call-row.ts';
import type { Database } from './database.ts';
import { pageOf, parseCursor } from './page-cursor.ts';
import { RUN_RECORD_COLUMNS, RUN_STATE, runRecordFromRow } from './run-row.ts';
import type { RunRecord, RunRecordRow } from './run-row.ts';

export interface RunFilter {
  readonly agent?: string | undefined;
  readonly workflow?: string | undefined;
  readonly state?: RunState | undefined;
}

const RECORD = `SELECT ${RUN_RECORD_COLUMNS} FROM runs JOIN run_inputs ON run_inputs.run = runs.id`;
const FIND = `${RECORD} WHERE runs.id = $1`;
const LIST = `${RECORD}
  WHERE ($1::text IS NULL OR runs.agent = $1) AND ($2::text IS NULL OR runs.workflow = $2) AND ($3::text IS NULL OR ${RUN_STATE} = $3)
    AND ($4::bigint IS NULL OR (runs.created_at, runs.id) < ($4, $5))
  ORDER BY runs.created_at DESC, runs.id DESC LIMIT $6`;
const CALLS = `SELECT ${CALL_RECORD_COLUMNS} FROM calls WHERE calls.run = $1 ORDER BY calls.asked_at, calls.key`;
/** A run that somebody works on at this moment is looked at next time. */
const CHECK = `
  WITH due AS MATERIALIZED (
    SELECT id FROM runs WHERE closed IS NULL AND checked_at < $1 ORDER BY checked_at, id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
  ), checked AS (
    UPDATE runs SET checked_at = holdpoint_now() FROM due WHERE runs.id = due.id RETURNING runs.*
  )
  SELECT ${RUN_RECORD_COLUMNS} FROM checked AS runs JOIN run_inputs ON run_inputs.run = runs.id`;

export async function findRun(db: Database, run: RunId): Promise<RunRecord | null> {
  const [row] = await db.query<RunRecordRow>(FIND, [run]);
  return row === undefined ? null : runRecordFromRow(row);
}

/** Newest first. `limit` ≥ 1; `cursor` = `next` of the page before. Throws `Refusal` `cursor_invalid`. */
export async function listRuns(
  db: Database,
  filter: RunFilter,
  page: { readonly limit: number; readonly cursor?: string | null | undefined },
): Promise<Page<RunRecord>> {
  const { agent = null, workflow = null, state = null } = filter;
  const after = parseCursor(page.cursor);
  const rows = await db.query<RunRecordRow>(LIST, [agent, workflow, state, after?.at ?? null, after?.id ?? null, page.limit + 1]);
  return pageOf(rows.map(runRecordFromRow), page.limit, (run) => ({ at: run.createdAt, id: run.id }));
}

/** In the order in which they were first asked. */
export async function listCalls(db: Database, run: RunId): Promise<readonly CallRecord[]> {
  return (await db.query<CallRecordRow>(CALLS, [run])).map(callRecordFromRow);
}

/** Open runs that nobody has looked at since `checkedBefore`, the longest unseen first; they count as looked at now. */
export async function runsToCheck(db: Database, checkedBefore: Instant, most: number): Promise<readonly RunRecord[]> {
  return (await db.query<RunRecordRow>(CHECK, [checkedBefore, most])).map(runRecordFromRow);
}
