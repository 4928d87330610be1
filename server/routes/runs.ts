import { createHash } from 'node:crypto';
import { z } from 'zod';
import { agentPrincipal } from '../../approvals/index.ts';
import { Refusal, checkChain, parseChain } from '../../core/index.ts';
import type { Json, Principal, RunId } from '../../core/index.ts';
import { findRun, listCalls, listHolds, listManifests, listRuns } from '../../ledger/index.ts';
import type { RunRecord } from '../../ledger/index.ts';
import type { Caller } from '../caller.ts';
import { checkValues } from '../chain-values.ts';
import type { RunStart, ServerDeps } from '../deps.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { DEFAULT_PAGE, pageOf, pageQuery } from '../shapes/page.ts';
import { name, runId } from '../shapes/primitives.ts';
import { RUN_STATES, run, runSummary, startBody } from '../shapes/run.ts';
import { callViewOf, holdViewOf, runSummaryOf } from '../views.ts';

const CHAIN = 'chain';

export const runRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/runs',
    id: 'listRuns',
    summary: 'Runs, newest first.',
    who: 'reader',
    query: z.strictObject({
      ...pageQuery,
      agent: name.optional(),
      workflow: name.optional(),
      state: z.enum(RUN_STATES, `must be one of ${RUN_STATES.join(', ')}`).optional(),
    }),
    answer: pageOf(runSummary),
    handle: async ({ deps, query: { limit, cursor, ...filter } }) => {
      const page = await listRuns(deps.db, filter, { limit: limit ?? DEFAULT_PAGE, cursor: cursor ?? null });
      const now = deps.now();
      return { items: page.items.map((record) => runSummaryOf(record, now)), next: page.next };
    },
  }),
  defineRoute({
    method: 'post',
    path: '/runs',
    id: 'startRun',
    summary: 'Start a run; a repeated Idempotency-Key starts nothing new.',
    who: 'reader',
    body: startBody,
    answer: runSummary,
    status: 201,
    handle: async ({ deps, caller, body, repetition }) => {
      const chained = body.workflow === CHAIN ? await checkedChain(deps, body.input ?? null) : null;
      const agent = agentOf(caller, body.agent ?? chained?.agent ?? null);
      const start: RunStart = {
        id: repetition === null ? deps.newId('run') : repeatedRunId(repetition),
        agent,
        workflow: body.workflow,
        input: chained?.input ?? body.input ?? null,
        requesters: requestersOf(deps, caller, agent, body.asMe ?? false),
        limits: { ...chained?.limits, ...defined(body.limits) },
        labels: { ...chained?.labels, ...body.labels },
      };
      return runSummaryOf(await knownRun(deps, await deps.startRun(start)), deps.now());
    },
  }),
  defineRoute({
    method: 'get',
    path: '/runs/{id}',
    id: 'showRun',
    summary: 'One run with its calls and holds.',
    who: 'reader',
    params: z.strictObject({ id: runId }),
    answer: run,
    handle: async ({ deps, params }) => {
      const record = await knownRun(deps, params.id);
      const [calls, holds] = await Promise.all([listCalls(deps.db, record.id), allHolds(deps, record.id)]);
      return { ...runSummaryOf(record, deps.now()), calls: calls.map(callViewOf), holds: holds.map(holdViewOf) };
    },
  }),
];

/** Throws `Refusal` `run_unknown`. */
export async function knownRun(deps: ServerDeps, id: RunId): Promise<RunRecord> {
  const record = await findRun(deps.db, id);
  if (record !== null) return record;
  throw new Refusal('not_found', 'run_unknown', `There is no run ${JSON.stringify(id.slice(0, 100))}.`, {
    hint: 'See: holdpoint run list',
  });
}

async function allHolds(deps: ServerDeps, id: RunId) {
  const found = [];
  let cursor: string | null = null;
  do {
    // oxlint-disable-next-line no-await-in-loop -- a page says where the next one begins
    const page: Awaited<ReturnType<typeof listHolds>> = await listHolds(deps.db, { run: id, limit: 200, cursor });
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

/** Checked whole, here too, before anything starts. Throws `Refusal` as `parseChain`, `checkChain` and `checkValues` do. */
async function checkedChain(deps: ServerDeps, given: Json) {
  const plan = parseChain(given);
  const manifests = await listManifests(deps.db);
  checkChain(plan, manifests);
  checkValues(plan, manifests);
  const steps = plan.steps.map(({ id, action, input }) => ({ id, action, input }));
  return { agent: plan.agent, labels: plan.labels, limits: plan.limits, input: { input: plan.input, steps } };
}

function agentOf(caller: Caller, named: string | null): string {
  if (caller.kind === 'machine') {
    if (named === null || named === caller.agent) return caller.agent;
    throw new Refusal(
      'refused',
      'agent_foreign',
      `A machine token starts runs as its own agent, "${caller.agent}"; got ${JSON.stringify(named)}.`,
      {
        hint: `Leave "agent" out, or use a token of ${named}.`,
      },
    );
  }
  if (named !== null) return named;
  throw new Refusal('invalid', 'agent_missing', 'A person who starts a run names the agent that it runs as, in "agent"; got nothing.', {
    hint: 'holdpoint run start … --agent NAME',
  });
}

/** Requesters decide nothing about their run, so a person who starts one is among them unless the machine is their own. */
function requestersOf(deps: ServerDeps, caller: Caller, agent: string, asMe: boolean): readonly Principal[] {
  const own = deps.starter === 'agent';
  // Whoever made an agent's token could otherwise ask through it, and then decide.
  if (caller.kind === 'machine') return own || caller.owner === null ? [caller.principal] : [caller.principal, caller.owner];
  return !own || asMe ? [agentPrincipal(agent), caller.principal] : [agentPrincipal(agent)];
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** The same repetition draws the same id, so that a request that is sent again to another server starts nothing twice. */
function repeatedRunId(repetition: string): RunId {
  const bytes = createHash('sha256').update(`run\n${repetition}`).digest().subarray(0, 26);
  return `run-${[...bytes].map((byte) => BASE32[byte % 32]).join('')}`;
}

function defined(limits: Readonly<Record<string, number | undefined>> | undefined): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(limits ?? {}).filter((entry): entry is [string, number] => entry[1] !== undefined));
}
