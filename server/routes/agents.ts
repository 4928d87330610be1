import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import type { AgentView } from '../../core/index.ts';
import { forgetAgent, listAgents } from '../../ledger/index.ts';
import { requireOperator } from '../caller.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { instant, natural, principal } from '../shapes/primitives.ts';
import { reason } from '../shapes/run.ts';

const agent = z
  .object({
    agent: z.string(),
    answer: z
      .object({ answer: z.enum(['admitted', 'refused']), by: principal, note: z.string().nullable(), at: instant })
      .nullable()
      .describe('Whether its runs that were started elsewhere may act; null = nobody has answered.'),
    runs: natural,
    open: natural,
    adopted: natural.describe('Runs that were started elsewhere.'),
    observed: natural.describe('Open runs in observe.'),
    lastStartedAt: instant.nullable(),
  })
  .meta({ id: 'Agent' }) satisfies z.ZodType<AgentView>;

export const agentRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/agents',
    id: 'listAgents',
    summary: 'Agents that have runs, or an answer to whether they may act.',
    who: 'reader',
    answer: z.object({ items: z.array(agent).readonly() }),
    handle: async ({ deps }) => ({ items: await listAgents(deps.db) }),
  }),
  defineRoute({
    method: 'post',
    path: '/agents/{agent}/revoke',
    id: 'revokeAgent',
    summary: 'Take back the answer for an agent: its next call that was started elsewhere asks again.',
    who: 'person',
    params: z.strictObject({ agent: z.string() }),
    body: z.strictObject({ reason }).meta({ id: 'RevokeAgent' }),
    answer: z.object({ agent: z.string(), revoked: z.literal(true) }),
    handle: async ({ deps, caller, params, body }) => {
      requireOperator(caller, deps.directory());
      if (await forgetAgent(deps.db, params.agent, { by: caller.principal, reason: body.reason }))
        return { agent: params.agent, revoked: true as const };
      throw new Refusal(
        'not_found',
        'agent_unanswered',
        `Nobody has answered for an agent ${JSON.stringify(params.agent.slice(0, 100))}.`,
        {
          hint: 'See: holdpoint agent list',
        },
      );
    },
  }),
];
