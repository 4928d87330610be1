import { z } from 'zod';
import { Refusal, closestWord } from '../../core/index.ts';
import type { ActionManifest } from '../../core/index.ts';
import { listManifests } from '../../ledger/index.ts';
import { defineRoute } from '../route.ts';
import type { Route } from '../route.ts';
import { json, name, natural, principal } from '../shapes/primitives.ts';

const listed = z
  .object({
    id: z.string(),
    file: z.string(),
    line: natural,
    effect: z.enum(['permit', 'forbid']),
    annotations: z.record(z.string(), z.string()),
    actions: z.array(z.string()).readonly().nullable().describe('The actions that its scope names; null = every action.'),
  })
  .meta({ id: 'Policy' });

const question = z
  .strictObject({
    action: z.string('must be the name of an action'),
    agent: name.optional().describe('Default: the token\'s agent, or "anyone".'),
    input: json,
    facts: json.optional(),
    workflow: name.optional(),
    requesters: z.array(principal).optional(),
    labels: z.record(name, z.string()).optional(),
  })
  .meta({ id: 'PolicyQuestion' });

export const policyRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/policies',
    id: 'listPolicies',
    summary: 'The policies in force.',
    who: 'reader',
    answer: z.object({ hash: z.string(), policies: z.array(listed).readonly() }),
    handle: async ({ deps }) => deps.policies.list(),
  }),
  defineRoute({
    method: 'post',
    path: '/policies/explain',
    id: 'explainPolicy',
    summary: 'What the policies would say of a call, and why. Nothing is recorded.',
    who: 'reader',
    body: question,
    answer: json,
    handle: async ({ deps, caller, body }) => {
      const manifests = await listManifests(deps.db);
      const manifest = manifests.find((one) => one.action === body.action);
      if (manifest === undefined)
        throw actionUnknown(
          body.action,
          manifests.map((one) => one.action),
        );
      if (manifest.facts !== null && (body.facts ?? null) === null) throw factsMissing(manifest);
      const explained = deps.policies.explain({
        agent: body.agent ?? (caller.kind === 'machine' ? caller.agent : 'anyone'),
        action: body.action,
        input: body.input,
        facts: body.facts ?? null,
        run: { workflow: body.workflow ?? 'explain', requesters: body.requesters ?? [], labels: body.labels ?? {} },
      });
      if (explained !== null) return explained;
      throw new Refusal('unreachable', 'policies_not_loaded', 'The policies are not loaded yet.', { hint: 'Try again in a moment.' });
    },
  }),
];

/** Policies see facts, so without them nothing true can be said. */
function factsMissing({ action, facts }: ActionManifest): Refusal {
  const { properties = {} } = facts as { readonly properties?: object };
  const fields = Object.keys(properties).map((name) => `"${name}": …`);
  return new Refusal('invalid', 'facts_missing', `${action} is judged by its resolved facts too; got none.`, {
    hint: `Give them as well: --facts '{ ${fields.join(', ')} }'`,
  });
}

function actionUnknown(action: string, names: readonly string[]): Refusal {
  const guess = closestWord(action, names);
  return new Refusal('not_found', 'action_unknown', `There is no action ${JSON.stringify(action.slice(0, 100))}.`, {
    hint: guess === null ? 'See: holdpoint action list' : `Did you mean "${guess}"?`,
  });
}
