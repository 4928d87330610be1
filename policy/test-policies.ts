import { parseDocument } from 'yaml';
import { z } from 'zod';
import { DENIAL_CODES, isJson, Refusal } from '../core/index.ts';
import type { Json, PolicyRuling, Requirement } from '../core/index.ts';
import type { PolicySet } from './load-policies.ts';

const json = z.custom<Json>(isJson, { error: 'must be JSON: no fraction such as .inf, no date, no binary' });
const ids = z.array(z.string()).min(1);
const oneOrMore = z.union([z.string(), ids]).transform((value) => (typeof value === 'string' ? [value] : value));

/**
 * What a case expects. A bare `deny` is by a policy, or by the lack of one; other codes must be named, so that a slip in the
 * case does not pass for a refusal. `policies` and `approvers` are all who ask, and `quorum` the largest.
 */
const expectation = z.union(
  [
    z.enum(['allow', 'deny', 'hold']),
    z.strictObject({ deny: z.strictObject({ code: z.enum(DENIAL_CODES).optional(), policy: oneOrMore.optional() }) }),
    z.strictObject({
      hold: z.strictObject({ approvers: oneOrMore.optional(), quorum: z.int().min(1).optional(), policies: ids.optional() }),
    }),
  ],
  { error: 'must be allow, deny, hold, { deny: { code, policy } } or { hold: { approvers, quorum, policies } }' },
);
type Expectation = z.output<typeof expectation>;

const caseSchema = z.strictObject({
  name: z.string().min(1),
  agent: z.string().min(1),
  action: z.string().min(1),
  input: json.default({}),
  facts: json.nullable().default(null),
  run: z
    .strictObject({
      workflow: z.string().default('test'),
      requesters: z.array(z.string()).default([]),
      labels: z.record(z.string(), z.string()).default({}),
    })
    .prefault({}),
  expect: expectation,
});

/** `cases:` of a `*.test.yaml` file. */
const policyTestFile = z.strictObject({ cases: z.array(caseSchema).min(1) });

export interface PolicyTestResult {
  readonly name: string;
  readonly passed: boolean;
  /** The ruling in a line. */
  readonly got: string;
  /** What was expected otherwise; null where it passed. */
  readonly why: string | null;
}

/**
 * Runs the examples of one file against a set; `file` is its name for messages. Throws `Refusal` `policy_test_invalid`,
 * naming file, place and rule.
 */
export function testPolicies(set: PolicySet, text: string, file = 'policy tests'): readonly PolicyTestResult[] {
  const { cases } = parse(file, text);
  const twice = cases.find(({ name }, index) => cases.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) refuse(file, `two cases are named ${JSON.stringify(twice.name)}`, 'Give every case its own name.');
  return cases.map(({ name, expect, ...call }) => {
    const { ruling, undeclared } = set.explain(call);
    const why = undeclared.length > 0 ? `the action does not declare ${undeclared.join(', ')}` : difference(expect, ruling);
    return { name, passed: why === null, got: inWords(ruling), why };
  });
}

function parse(file: string, text: string): z.output<typeof policyTestFile> {
  const document = parseDocument(text, { strict: true, uniqueKeys: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) refuse(file, problem.message.split('\n')[0] ?? problem.code, 'Correct the YAML.');
  const answer = policyTestFile.safeParse(document.toJS());
  if (answer.success) return answer.data;
  const issue = answer.error.issues[0];
  const at = (issue?.path ?? []).map(String).join('.');
  const hint = 'A case has name, agent, action, input, facts, run { workflow, requesters, labels } and expect.';
  return refuse(file, `${at === '' ? 'the file' : `"${at}"`}: ${issue?.message ?? 'is not valid'}`, hint);
}

function difference(expect: Expectation, ruling: PolicyRuling): string | null {
  if (expect === 'allow') return ruling.kind === 'allow' ? null : 'expected allow';
  if (expect === 'hold') return ruling.kind === 'requires' ? null : 'expected hold';
  if (expect === 'deny') {
    const byPolicy = ruling.kind === 'deny' && (ruling.denial.code === 'policy_forbids' || ruling.denial.code === 'policy_silent');
    return byPolicy ? null : 'expected deny, by a policy or by the lack of one';
  }
  if ('deny' in expect) {
    const { code, policy } = expect.deny;
    if (ruling.kind !== 'deny') return 'expected deny';
    if (code !== undefined && ruling.denial.code !== code) return `expected the code ${code}`;
    return policy === undefined || sameSet(policy, ruling.denial.policies) ? null : `expected the denial of ${policy.join(', ')}`;
  }
  if (ruling.kind !== 'requires') return 'expected hold';
  return holdDifference(expect.hold, ruling.requires);
}

type HoldExpectation = Extract<Expectation, { hold: unknown }>['hold'];

function holdDifference({ approvers, quorum, policies }: HoldExpectation, asked: readonly Requirement[]): string | null {
  const ids = asked.map(({ policy }) => policy);
  const groups = asked.map((one) => one.approvers);
  if (policies !== undefined && !sameSet(policies, ids)) return `expected to be held by ${policies.join(', ')}`;
  if (approvers !== undefined && !sameSet(approvers, groups)) return `expected the approvers ${approvers.join(', ')}`;
  return quorum === undefined || Math.max(...asked.map((one) => one.quorum)) === quorum ? null : `expected a quorum of ${quorum}`;
}

function inWords(ruling: PolicyRuling): string {
  switch (ruling.kind) {
    case 'allow':
      return `allow by ${ruling.policies.join(', ')}`;
    case 'deny':
      return `deny ${ruling.denial.code}: ${ruling.denial.message}`;
    case 'requires':
      return `hold by ${ruling.requires.map(({ policy, approvers, quorum }) => `${policy} (${quorum} of ${approvers})`).join(', ')}`;
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return [...new Set(a)].toSorted().join('\n') === [...new Set(b)].toSorted().join('\n');
}

function refuse(file: string, rule: string, hint: string): never {
  throw new Refusal('invalid', 'policy_test_invalid', `${file}: ${rule}.`, { hint, data: { file } });
}
