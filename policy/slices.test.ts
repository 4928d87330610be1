import { preparsePolicySet, preparseSchema, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs';
import type { Context } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from '../core/index.ts';
import { actionShapes, cedarSchema } from './cedar-schema.ts';
import { DEFAULT_POLICIES } from './default-policies.ts';
import type { PolicyCall } from './judge.ts';
import { callOf, FACTS, load, MANIFESTS } from './manifests.fixture.ts';

/** Whole, unsliced evaluations, with the whole context, validated against the schema. */
function plainCedar(text: string) {
  preparseSchema('plain', cedarSchema(actionShapes(MANIFESTS)));
  preparsePolicySet('plain', { staticPolicies: DEFAULT_POLICIES.text + text });

  return function decide(call: PolicyCall) {
    const { labels, ...run } = call.run;
    const context: Record<string, unknown> = {
      input: call.input,
      ...(call.facts === null ? {} : { facts: call.facts }),
      action: MANIFESTS.find(({ action }) => action === call.action)?.annotations,
      run: { ...run, labels: Object.entries(labels).map(([name, value]) => `${name}=${value}`) },
    };
    const answer = statefulIsAuthorized({
      principal: { type: 'Agent', id: call.agent },
      action: { type: 'Action', id: call.action },
      resource: { type: 'Target', id: call.action },
      context: context as Context,
      preparsedSchemaName: 'plain',
      validateRequest: true,
      preparsedPolicySetId: 'plain',
      entities: [],
    });
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
    return answer.response.decision;
  };
}

const ACTIONS = ['git.push', 'git.tag', 'git.log', 'files.write'] as const;
const SCOPES = [
  'action',
  ...ACTIONS.map((name) => `action == Action::"${name}"`),
  'action in [Action::"git.push", Action::"files.write"]',
  'action in Action::"git.tag"',
];
const AGENTS = ['principal', 'principal == Agent::"a"', 'principal == Agent::"b"', 'principal is Agent', 'principal in Agent::"a"'];
const CONDITIONS = [
  '',
  'when { context.action.readOnly }',
  'unless { context.run.labels.contains("team=core") }',
  'when { context has facts }',
  'when { context has facts.oldRef && context.facts.oldRef == "v1" }',
  'when { principal == Agent::"a" || context.run["workflow"] == "w" }',
  'when { (if context.run.workflow == "w" then context.run else {workflow: "x", requesters: ["y"], labels: ["z"]}).requesters.contains("p") }',
  'when { action == Action::"git.push" && context.input has ref && context.input.ref like "v*" }',
  'when { context.run == {workflow: "w", requesters: ["p"], labels: ["team=core"]} }',
  'when { ["git.tag"].contains(context.run.workflow) }',
];
const INPUTS: Readonly<Record<(typeof ACTIONS)[number], { input: Json; facts: Json | null }>> = {
  'git.push': { input: { remote: 'o', ref: 'v1' }, facts: { ...FACTS, oldRef: 'v1' } },
  'git.tag': { input: { name: 'x' }, facts: null },
  'git.log': { input: {}, facts: null },
  'files.write': { input: { path: 'p', content: 'c' }, facts: { path: 'p' } },
};

test('slices, pruned contexts and remembered answers rule as Cedar does with everything', () => {
  const policy = fc.tuple(
    fc.constantFrom('permit', 'permit', 'forbid'),
    fc.constantFrom(...AGENTS),
    fc.constantFrom(...SCOPES),
    fc.constantFrom(...CONDITIONS),
  );
  const call = fc.record({
    agent: fc.constantFrom('a', 'b', 'c'),
    action: fc.constantFrom(...ACTIONS),
    workflow: fc.constantFrom('w', 'git.tag'),
    labels: fc.constantFrom<Record<string, string>>({}, { team: 'core' }),
    requesters: fc.constantFrom([], ['p']),
  });
  fc.assert(
    fc.property(fc.array(policy, { maxLength: 6 }), fc.array(call, { minLength: 4, maxLength: 8 }), (policies, calls) => {
      const valid = policies.filter(([, , scope, condition]) => !condition.includes('input has ref') || scope === SCOPES[1]);
      const usable = valid.filter(([, , scope, condition]) => !condition.includes('facts') || scope === SCOPES[1] || scope === SCOPES[5]);
      const sound = usable.filter(([, , scope, condition]) => !condition.includes('oldRef') || scope === SCOPES[1]);
      const text = sound
        .map(([effect, agent, scope, condition], index) => `@id("p${index}") ${effect} (${agent}, ${scope}, resource) ${condition};`)
        .join('\n');
      const set = load(text);
      const plain = plainCedar(text);
      for (const { agent, action, ...run } of [...calls, ...calls]) {
        const asked = callOf({ agent, action, ...INPUTS[action], run });
        expect(set.rule(asked).kind).toBe(plain(asked));
      }
    }),
    { numRuns: 25 },
  );
});

test('an agent that no policy names sees only the policies of every agent', () => {
  const set = load(`@id("of-a") permit (principal == Agent::"a", action == Action::"git.tag", resource);
    @id("of-all") forbid (principal, action, resource) when { context.run.workflow == "w" };`);
  const considered = (agent: string, action: string) =>
    set.explain(callOf({ agent, action, input: { name: 'x' }, facts: null })).considered;
  expect(considered('a', 'git.tag')).toEqual(['holdpoint.reads', 'of-a', 'of-all']);
  expect(considered('b', 'git.tag')).toEqual(['holdpoint.reads', 'of-all']);
  expect(considered('a', 'git.log')).toEqual(['holdpoint.reads', 'of-all']);
});

test('more questions than are remembered are all answered rightly', () => {
  const set = load('@id("p") permit (principal, action == Action::"git.tag", resource) when { context.input.name like "*7" };');
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 600; index += 1) {
      const ruling = set.rule(callOf({ action: 'git.tag', input: { name: `v${index}` }, facts: null }));
      expect(ruling.kind).toBe(index % 10 === 7 ? 'allow' : 'deny');
    }
  }
});
