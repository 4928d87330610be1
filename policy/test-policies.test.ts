import { expect, test } from 'vitest';
import { load } from './manifests.fixture.ts';
import { testPolicies } from './test-policies.ts';

const set =
  load(`@id("go") permit (principal == Agent::"release-bot", action in [Action::"git.push", Action::"git.tag", Action::"math.add"], resource);
  @id("ask") @hold("A tag goes out") @approvers("release-managers") @quorum("2") forbid (principal, action == Action::"git.push", resource);
  @id("frozen") @reason("Freeze") forbid (principal, action == Action::"git.tag", resource) when { context.run.labels.contains("freeze=on") };`);

const run = (action: string, rest: string) =>
  testPolicies(set, `cases:\n  - { name: n, agent: release-bot, action: ${action}, ${rest} }`)[0];
const TAG = 'input: { name: v1 }';
const FROZEN = `${TAG}, run: { labels: { freeze: "on" } }`;
const PUSH_FACTS = 'facts: { remoteUrl: u, ref: r, objectId: o, commit: c }';
const PUSH = `input: { remote: o, ref: r }, ${PUSH_FACTS}`;

test.each([
  ['git.tag', `${TAG}, expect: allow`],
  ['git.tag', `${FROZEN}, expect: deny`],
  ['git.tag', `${FROZEN}, expect: { deny: {} }`],
  ['git.tag', `${FROZEN}, expect: { deny: { code: policy_forbids, policy: frozen } }`],
  ['files.read', 'input: { path: x }, expect: allow'],
  ['http.get', 'input: { url: "https://example.com" }, expect: deny'],
  ['git.push', `${PUSH}, expect: hold`],
  ['git.push', `${PUSH}, expect: { hold: { approvers: release-managers, quorum: 2, policies: [ask] } }`],
  ['math.add', 'input: { count: 1.5 }, expect: { deny: { code: policy_error } }'],
  ['no.such', 'expect: { deny: { code: action_undeclared } }'],
])('%s with %s passes', (action, rest) => {
  expect(run(action, rest)).toMatchObject({ passed: true, why: null });
});

test.each([
  ['git.tag', `${TAG}, expect: deny`, 'expected deny'],
  ['git.tag', `${TAG}, expect: hold`, 'expected hold'],
  ['git.tag', `${FROZEN}, expect: allow`, 'expected allow'],
  ['git.tag', `${FROZEN}, expect: { deny: { code: policy_silent } }`, 'expected the code policy_silent'],
  ['git.tag', `${FROZEN}, expect: { deny: { policy: other } }`, 'expected the denial of other'],
  ['git.push', `${PUSH}, expect: { hold: { quorum: 1 } }`, 'expected a quorum of 1'],
  ['git.push', `${PUSH}, expect: { hold: { approvers: operators } }`, 'expected the approvers operators'],
  ['git.push', `${PUSH}, expect: { hold: { policies: [ask, other] } }`, 'expected to be held by ask, other'],
  ['git.tag', 'input: { tgg: v1 }, expect: deny', 'by a policy or by the lack of one'],
  ['math.add', 'input: { count: 1 }, expect: { deny: { code: policy_error } }', 'expected deny'],
  ['no.such', 'expect: deny', 'by a policy'],
  ['git.push', `input: { remote: o, ref: r, tgg: x }, ${PUSH_FACTS}, expect: hold`, 'does not declare input.tgg'],
])('%s with %s fails and says what was expected', (action, rest, why) => {
  const result = run(action, rest);
  expect(result).toMatchObject({ passed: false, why: expect.stringContaining(why) });
  expect(result?.got).toMatch(/^(?:allow|deny|hold) /);
});

test.each([
  ['not YAML', 'cases: [', 'x.test.yaml: '],
  ['a key twice', 'cases: []\ncases: []', 'unique'],
  ['no cases', 'cases: []', '"cases"'],
  ['an unknown field', 'cases: [{ name: n, agent: a, action: b, expect: allow, inputs: {} }]', 'inputs'],
  ['a missing agent', 'cases: [{ name: n, action: b, expect: allow }]', '"cases.0.agent"'],
  ['an unknown expectation', 'cases: [{ name: n, agent: a, action: b, expect: alow }]', '"cases.0.expect": must be allow'],
  ['an unknown denial code', 'cases: [{ name: n, agent: a, action: b, expect: { deny: { code: nope } } }]', '"cases.0.expect"'],
  ['what JSON cannot say', 'cases: [{ name: n, agent: a, action: b, input: { x: .inf }, expect: allow }]', '"cases.0.input": must be JSON'],
  [
    'two cases of one name',
    'cases: [{ name: n, agent: a, action: b, expect: allow }, { name: n, agent: a, action: b, expect: allow }]',
    'two cases are named "n"',
  ],
])('a file with %s is refused', (_, text, message) => {
  expect(() => testPolicies(set, text, 'x.test.yaml')).toThrow(
    expect.objectContaining({ code: 'policy_test_invalid', message: expect.stringContaining(message) }),
  );
});
