import type { ActionName, Instant, Observed } from '../core/index.ts';
import type { Database } from './database.ts';

/** Calls that passed in observe and that enforcement would have answered alike. */
export interface ObservedGroup extends Observed {
  readonly agent: string;
  readonly action: ActionName;
  readonly calls: number;
  readonly runs: number;
  readonly lastAt: Instant;
}

export interface ObservedTotals {
  /** Of runs in observe, with those that enforcement would have let through. */
  readonly calls: number;
  readonly runs: number;
  readonly agents: number;
}

const GROUPS = `
  SELECT runs.agent, calls.action, calls.observed::json->>'verdict' AS verdict, calls.observed::json->>'what' AS what,
    calls.observed::json->>'policies' AS policies, calls.observed::json->>'asks' AS asks,
    (array_agg(calls.observed::json->>'reason' ORDER BY calls.asked_at DESC))[1] AS reason,
    count(*) AS calls, count(DISTINCT calls.run) AS runs, max(calls.asked_at) AS "lastAt"
  FROM calls JOIN runs ON runs.id = calls.run
  WHERE calls.observed IS NOT NULL AND calls.asked_at >= $1 AND ($2::text IS NULL OR runs.agent = $2)
  GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 8 DESC, 1, 2, 3, 4 LIMIT $3`;
const TOTALS = `
  SELECT count(*) AS calls, count(DISTINCT calls.run) AS runs, count(DISTINCT runs.agent) AS agents
  FROM calls JOIN runs ON runs.id = calls.run
  WHERE (runs.mode = 'observe' OR calls.observed IS NOT NULL) AND calls.asked_at >= $1 AND ($2::text IS NULL OR runs.agent = $2)`;

/** The most frequent first. */
export async function listObserved(
  db: Database,
  filter: { readonly since: Instant; readonly agent: string | null; readonly limit: number },
): Promise<{ readonly groups: readonly ObservedGroup[]; readonly totals: ObservedTotals }> {
  type GroupRow = Omit<ObservedGroup, 'policies' | 'asks'> & { readonly policies: string; readonly asks: string };
  const [rows, [totals]] = await Promise.all([
    db.query<GroupRow & { readonly [column: string]: unknown }>(GROUPS, [filter.since, filter.agent, filter.limit]),
    db.query<ObservedTotals & { readonly [column: string]: unknown }>(TOTALS, [filter.since, filter.agent]),
  ]);
  const groups = rows.map((row) => ({
    ...row,
    policies: JSON.parse(row.policies) as readonly string[],
    asks: JSON.parse(row.asks) as readonly string[],
  }));
  return { groups, totals: totals ?? { calls: 0, runs: 0, agents: 0 } };
}
