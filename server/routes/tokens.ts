import { z } from 'zod';
import { agentPrincipal, personPrincipal } from '../../approvals/index.ts';
import { Refusal } from '../../core/index.ts';
import type { Principal, TokenView } from '../../core/index.ts';
import { createToken, listTokens, revokeToken } from '../../ledger/index.ts';
import { hashToken, requireOperator } from '../caller.ts';
import type { PersonCaller } from '../caller.ts';
import type { ServerDeps } from '../deps.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { instant, name, principal } from '../shapes/primitives.ts';

const tokenFields = {
  id: z.string(),
  principal,
  kind: z.enum(['person', 'machine']),
  name: z.string(),
  createdAt: instant,
  revokedAt: instant.nullable(),
};
const token = z.object(tokenFields).meta({ id: 'Token' }) satisfies z.ZodType<TokenView>;
const secretToken = z.object({ ...tokenFields, token: z.string().describe('The secret; it is shown this once and kept nowhere.') });

const PERSON_RULE = 'must be the id of a person';
const createBody = z
  .strictObject({
    person: z
      .string(PERSON_RULE)
      .regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/, PERSON_RULE)
      .optional(),
    agent: name.optional(),
    name: z
      .string('must be text')
      .trim()
      .min(1, 'must not be empty')
      .max(100, 'must be at most 100 characters')
      .optional()
      .describe('What it is for.'),
  })
  .refine((body) => (body.person === undefined) !== (body.agent === undefined), 'must name either "person" or "agent"')
  .meta({ id: 'CreateToken' });

export const tokenRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/tokens',
    id: 'listTokens',
    summary: 'Tokens, without their secrets.',
    who: 'person',
    answer: z.object({ items: z.array(token).readonly() }),
    handle: async ({ deps }) => ({ items: (await listTokens(deps.db)).map(viewOf) }),
  }),
  defineRoute({
    method: 'post',
    path: '/tokens',
    id: 'createToken',
    status: 201,
    who: 'person',
    summary: 'Make a token for oneself, or, as an operator, for an agent.',
    body: createBody,
    answer: secretToken,
    handle: async ({ deps, caller, body }) => {
      const owner = ownerOf(deps, caller, body.person, body.agent);
      const secret = deps.newSecret();
      const kind = owner.startsWith('person:') ? ('person' as const) : ('machine' as const);
      const made = await createToken(deps.db, {
        id: deps.newId('token'),
        hash: hashToken(secret),
        principal: owner,
        kind,
        name: body.name ?? owner,
        by: caller.principal,
      });
      if (made === null) throw new Refusal('failed', 'token_collision', 'The token could not be made.', { hint: 'Try again.' });
      return { ...viewOf(made), token: secret };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/tokens/{id}',
    id: 'revokeToken',
    who: 'person',
    summary: "Revoke a token: one's own, or, as an operator, any.",
    params: z.strictObject({ id: z.string() }),
    answer: token,
    handle: async ({ deps, caller, params }) => {
      const known = (await listTokens(deps.db)).find((one) => one.id === params.id);
      if (known === undefined) {
        throw new Refusal('not_found', 'token_id_unknown', `There is no token with the id ${JSON.stringify(params.id.slice(0, 100))}.`, {
          hint: 'See: holdpoint token list',
        });
      }
      if (known.principal !== caller.principal) requireOperator(caller, deps.directory());
      if (!(await revokeToken(deps.db, known.id, caller.principal))) {
        throw new Refusal('conflict', 'token_revoked', `Token ${known.id} was revoked already.`, { hint: 'Nothing is left to do.' });
      }
      return viewOf({ ...known, revokedAt: deps.now() });
    },
  }),
];

function ownerOf(deps: ServerDeps, caller: PersonCaller, person: string | undefined, agent: string | undefined): Principal {
  if (agent !== undefined) {
    requireOperator(caller, deps.directory());
    return agentPrincipal(agent);
  }
  const owner = personPrincipal(person ?? '');
  if (owner === caller.principal) return owner;
  throw new Refusal('refused', 'token_of_another', `A person makes tokens for themselves; ${caller.principal} asked for one of ${owner}.`, {
    hint: 'The first token of a person is made where the server runs: holdpoint token create --person ID --direct',
  });
}

function viewOf({ id, principal: owner, kind, name: label, createdAt, revokedAt }: TokenView): TokenView {
  return { id, principal: owner, kind, name: label, createdAt, revokedAt };
}
