import { z } from 'zod';
import type { ReportView } from '../../core/index.ts';
import { listAgents, listGaps, listObserved } from '../../ledger/index.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { instant, name, natural } from '../shapes/primitives.ts';
import { observedFields } from '../shapes/run.ts';

const WEEK = 7 * 86_400_000;
const MOST = 500;

const report = z
  .object({
    since: instant,
    totals: z.object({ calls: natural, runs: natural, agents: natural }).describe('Of what passed in observe.'),
    findings: z
      .array(z.object({ agent: z.string(), action: z.string(), ...observedFields, calls: natural, runs: natural, lastAt: instant }))
      .readonly()
      .describe('Calls that enforcement would have answered alike, the most frequent first; 500 at most.'),
    gaps: z
      .array(z.object({ kind: z.string(), action: z.string(), count: natural }))
      .readonly()
      .describe('Calls that passed without a record of their own, by why; counted by the hour.'),
    observing: z.array(z.string()).readonly().describe('Agents with open runs in observe.'),
    unanswered: z.array(z.string()).readonly().describe('Agents of runs that were started elsewhere, for whom nobody has answered.'),
  })
  .meta({ id: 'Report' }) satisfies z.ZodType<ReportView>;

export const reportRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/report',
    id: 'readReport',
    summary: 'What would have been held, denied or stopped, of what passed in observe.',
    who: 'reader',
    query: z.strictObject({
      since: z.coerce.number().int().min(0).optional().describe('Milliseconds since the epoch. Default: seven days ago.'),
      agent: name.optional(),
    }),
    answer: report,
    handle: async ({ deps, query }) => {
      const since = query.since ?? Math.max(0, deps.now() - WEEK);
      const [{ groups, totals }, gaps, agents] = await Promise.all([
        listObserved(deps.db, { since, agent: query.agent ?? null, limit: MOST }),
        listGaps(deps.db, since),
        listAgents(deps.db),
      ]);
      const observing = agents.filter(({ observed }) => observed > 0).map(({ agent }) => agent);
      const unanswered = agents.filter(({ adopted, answer }) => adopted > 0 && answer === null).map(({ agent }) => agent);
      return { since, totals, findings: groups, gaps, observing, unanswered };
    },
  }),
];
