import type { ActionName, Instant } from '../core/index.ts';
import type { Database } from './database.ts';

/**
 * Why a call passed in observe without a record of its own: `no_header` = it said of no run that it belongs to one;
 * `unidentified` = its header was not borne out; `undeclared` = no action declares it (it has a record all the same);
 * `ledger_away` = the ledger did not answer in time; `unjudged` = the gate itself failed.
 */
export type GapKind = 'no_header' | 'unidentified' | 'undeclared' | 'ledger_away' | 'unjudged';

export interface Gap {
  readonly kind: GapKind;
  readonly action: ActionName;
  readonly count: number;
}

const ADD = `
  INSERT INTO gaps (hour, kind, action, count) VALUES (holdpoint_now() / 3600000 * 3600000, $1, $2, $3)
  ON CONFLICT (hour, kind, action) DO UPDATE SET count = gaps.count + excluded.count`;
const SINCE = `
  SELECT kind, action, sum(count)::bigint AS count FROM gaps WHERE hour >= $1::bigint / 3600000 * 3600000
  GROUP BY kind, action ORDER BY 3 DESC, 1, 2`;

/** Adds to the counts of this hour, all or none. */
export async function addGaps(db: Database, gaps: readonly Gap[]): Promise<void> {
  await db.transaction(async (tx) => {
    for (const { kind, action, count } of gaps) void tx.query(ADD, [kind, action, count]);
    await Promise.resolve();
  });
}

/** Counted by the hour, so from the start of the hour in which `since` lies; the most frequent first. */
export async function listGaps(db: Database, since: Instant): Promise<readonly Gap[]> {
  return await db.query<Gap & { readonly [column: string]: unknown }>(SINCE, [since]);
}
