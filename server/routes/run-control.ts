import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import type { Raise, RunId } from '../../core/index.ts';
import { listHolds, listRuns, raiseRun } from '../../ledger/index.ts';
import type { RunRecord } from '../../ledger/index.ts';
import { requireOperator } from '../caller.ts';
import type { PersonCaller } from '../caller.ts';
import type { ServerDeps } from '../deps.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { runId } from '../shapes/primitives.ts';
import { killBody, killManyBody, killed, raiseBody, runSummary } from '../shapes/run.ts';
import { runSummaryOf } from '../views.ts';
import { knownRun } from './runs.ts';

const byId = z.strictObject({ id: runId });

export const runControlRoutes: readonly Route[] = [
  defineRoute({
    method: 'post',
    path: '/runs/{id}/kill',
    id: 'killRun',
    summary: 'Fence a run: once answered, nothing more of it is claimed. Its executions are closed after that.',
    who: 'person',
    params: byId,
    body: killBody,
    answer: runSummary,
    handle: async ({ deps, caller, params, body }) => {
      const record = await knownRun(deps, params.id);
      if (!record.requesters.includes(caller.principal)) requireOperator(caller, deps.directory());
      refuseClosed(record);
      await deps.killRuns({ runs: [record.id], by: caller.principal, reason: body.reason });
      return runSummaryOf(await knownRun(deps, record.id), deps.now());
    },
  }),
  defineRoute({
    method: 'post',
    path: '/runs/kill',
    id: 'killRuns',
    summary: 'Fence all open runs that match, if they are as many as expected.',
    who: 'operator',
    body: killManyBody,
    answer: killed,
    handle: async ({ deps, caller, body }) => {
      const runs = await openRuns(deps, body.filter);
      if (runs.length !== body.expected) {
        throw new Refusal('conflict', 'count_changed', `The filter matches ${runs.length} open runs; expected were ${body.expected}.`, {
          hint: 'Look at the list again, then state the new count.',
          data: { count: runs.length },
        });
      }
      return { killed: runs.length === 0 ? [] : await deps.killRuns({ runs, by: caller.principal, reason: body.reason }) };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/runs/{id}/raise',
    id: 'raiseRun',
    summary: 'Raise limits of a run; decides its breaker hold where one is open.',
    who: 'person',
    params: byId,
    body: raiseBody,
    answer: runSummary,
    handle: async ({ deps, caller, params, body }) => {
      const record = await knownRun(deps, params.id);
      const raise = body.raise as Raise;
      const tripped = await listHolds(deps.db, { run: record.id, state: 'open', kind: 'breaker', limit: 1, cursor: null });
      const hold = tripped.items[0];
      if (hold === undefined) {
        mayRaise(deps, caller, record);
        refuseUnraised(record.id, await raiseRun(deps.db, record.id, { raise, by: caller.principal, reason: body.reason }));
      } else {
        const ask = { hold: hold.id, choice: 'raise', seenVersion: hold.version, note: body.reason, raise, edit: null } as const;
        await deps.decide({ principal: caller.principal, kind: 'person' }, ask);
      }
      return runSummaryOf(await knownRun(deps, record.id), deps.now());
    },
  }),
];

/** As the ruling on a breaker hold: an operator, who is no requester, of a run that is open. */
function mayRaise(deps: ServerDeps, caller: PersonCaller, record: RunRecord): void {
  requireOperator(caller, deps.directory());
  if (record.requesters.includes(caller.principal)) {
    throw new Refusal('refused', 'requester_decides', `${caller.principal} asked for run ${record.id} and cannot raise its limits.`, {
      hint: 'Somebody else must.',
    });
  }
  refuseClosed(record);
}

/** What changed between looking and raising. */
function refuseUnraised(id: RunId, outcome: Awaited<ReturnType<typeof raiseRun>>): void {
  if (outcome === 'raised') return;
  const why = outcome === 'breaker_open' ? 'a limit tripped meanwhile' : 'it ended meanwhile';
  throw new Refusal('conflict', outcome, `The limits of run ${id} were not raised: ${why}.`, {
    hint: `Look at it, then raise again: holdpoint run show ${id}`,
  });
}

function refuseClosed(record: RunRecord): void {
  if (record.fence !== null)
    throw new Refusal('conflict', 'run_killed', `Run ${record.id} was killed already.`, { hint: `See: holdpoint run show ${record.id}` });
  if (record.closed !== null)
    throw new Refusal('conflict', 'run_closed', `Run ${record.id} has ended: ${record.closed}.`, {
      hint: `See: holdpoint run show ${record.id}`,
    });
}

async function openRuns(
  deps: ServerDeps,
  filter: { readonly agent?: string | undefined; readonly state?: 'running' | 'held' | undefined },
): Promise<readonly RunId[]> {
  const states = filter.state === undefined ? (['running', 'held'] as const) : ([filter.state] as const);
  const found = await Promise.all(states.map((state) => runsIn(deps, filter.agent, state)));
  return [...new Set(found.flat())];
}

async function runsIn(deps: ServerDeps, agent: string | undefined, state: 'running' | 'held'): Promise<readonly RunId[]> {
  const found: RunId[] = [];
  let cursor: string | null = null;
  do {
    // oxlint-disable-next-line no-await-in-loop -- a page says where the next one begins
    const page: Awaited<ReturnType<typeof listRuns>> = await listRuns(deps.db, { agent, state }, { limit: 200, cursor });
    found.push(...page.items.map((record) => record.id));
    cursor = page.next;
  } while (cursor !== null);
  return found;
}
