import type { RunId } from '../core/index.ts';
import type { Database } from './database.ts';
import { RUN_RECORD_COLUMNS, runRecordFromRow } from './run-row.ts';
import type { RunRecord, RunRecordRow } from './run-row.ts';

const FIND = `SELECT ${RUN_RECORD_COLUMNS} FROM runs JOIN run_inputs ON run_inputs.run = runs.id WHERE runs.id = $1`;

export async function findRun(db: Database, run: RunId): Promise<RunRecord | null> {
  const [row] = await db.query<RunRecordRow>(FIND, [run]);
  return row === undefined ? null : runRecordFromRow(row);
}
