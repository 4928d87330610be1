import { createHash } from 'node:crypto';
import { validate } from '@cedar-policy/cedar-wasm/nodejs';
import type { DetailedError, SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { canonical, Refusal } from '../core/index.ts';
import type { ActionManifest, ActionName, PolicyRuling } from '../core/index.ts';
import { readAnnotations } from './annotations.ts';
import type { Groups } from './annotations.ts';
import { actionShapes, cedarSchema } from './cedar-schema.ts';
import type { ActionShape, Unrepresented } from './cedar-schema.ts';
import { DEFAULT_POLICIES } from './default-policies.ts';
import { judge } from './judge.ts';
import type { Explanation, PolicyCall } from './judge.ts';
import { messageOf, parsePolicies } from './parse-policies.ts';
import type { ParsedPolicy } from './parse-policies.ts';
import type { PolicySource } from './policy-source.ts';
import { refuseProblems } from './problem.ts';
import type { PolicyProblem } from './problem.ts';
import { actionsOf, slicer } from './slices.ts';
import type { LoadedPolicy } from './slices.ts';
import { lineAtByte } from './split-policies.ts';

export interface PolicySummary {
  readonly id: string;
  readonly file: string;
  /** From 1, where its first annotation stands. */
  readonly line: number;
  readonly effect: 'permit' | 'forbid';
  /** As written; see `Requirement` for what a hold's come to. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The actions that its scope names; null = every action. */
  readonly actions: readonly ActionName[] | null;
}

/** Policies that were found right, ready to rule. Immutable: a reload makes another set. */
export interface PolicySet {
  /** Lower-case hex SHA-256 over the sources, the built-in defaults and the schema made from the manifests. */
  readonly hash: string;
  readonly policies: readonly PolicySummary[];
  /** What policies cannot see of input and facts, since Cedar has no type for it. */
  readonly unrepresented: readonly Unrepresented[];
  rule(call: PolicyCall): PolicyRuling;
  explain(call: PolicyCall): Explanation;
}

export interface PolicyMaterial {
  readonly sources: readonly PolicySource[];
  readonly manifests: readonly ActionManifest[];
  /** Who is in each configured group. */
  readonly groups: Groups;
}

/**
 * Reads, judges and prepares policies, beside `DEFAULT_POLICIES`. Throws one `Refusal` (kind `invalid`) that names file, line,
 * policy, rule and value, and has every problem in `data.problems`. Its code is one of `PROBLEM_CODES`, `action_duplicate`
 * or `policy_no_actions`. Validator warnings refuse as well.
 */
export function loadPolicies({ sources, manifests, groups }: PolicyMaterial): PolicySet {
  const shapes = actionShapes(manifests);
  const schema = cedarSchema(shapes);
  const all = [DEFAULT_POLICIES, ...sources.toSorted((a, b) => (a.file < b.file ? -1 : 1))];
  const policies = readPolicies(all, shapes, groups);
  refuseProblems(validationProblems(policies, schema));
  const hash = createHash('sha256')
    .update(canonical({ sources: all, schema }))
    .digest('hex');
  const sliceFor = slicer(policies);
  return {
    hash,
    policies: policies.map(summaryOf),
    unrepresented: [...shapes.values()].flatMap(({ unrepresented }) => unrepresented),
    rule: (call) => judge({ hash, shapes, sliceFor }, call).ruling,
    explain: (call) => judge({ hash, shapes, sliceFor }, call),
  };
}

type Shapes = ReadonlyMap<ActionName, ActionShape>;

/** Syntax, annotations and ids. */
function readPolicies(sources: readonly PolicySource[], shapes: Shapes, groups: Groups): readonly LoadedPolicy[] {
  const files = sources.map(parsePolicies);
  refuseProblems(files.flatMap(({ problems }) => problems));
  const loaded = new Map<string, LoadedPolicy>();
  const problems: PolicyProblem[] = [];
  for (const policy of files.flatMap(({ parsed }) => parsed)) {
    const { read, problems: found } = readAnnotations(policy, { groups, actions: concerned(policy, shapes) });
    const place = { file: policy.file, line: policy.line, policy: policy.annotations['id'] ?? null };
    problems.push(...found.map((problem) => ({ ...place, ...problem })));
    if (read === null) continue;
    const other = loaded.get(read.id);
    if (other === undefined) loaded.set(read.id, { ...policy, ...read });
    else {
      const message = `has the @id of another policy, in ${other.file}:${other.line}`;
      problems.push({ code: 'policy_duplicate', ...place, message, hint: 'Give every policy an @id of its own.' });
    }
  }
  refuseProblems(problems);
  return [...loaded.values()];
}

function concerned({ json }: ParsedPolicy, shapes: Shapes): readonly ActionManifest[] {
  const named = actionsOf(json);
  return [...shapes.values()].map(({ manifest }) => manifest).filter(({ action }) => named?.includes(action) ?? true);
}

/** What Cedar's validator has against the policies, warnings included. */
function validationProblems(policies: readonly LoadedPolicy[], schema: SchemaJson<string>): readonly PolicyProblem[] {
  const staticPolicies = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  const answer = validate({ validationSettings: { mode: 'strict' }, schema, policies: { staticPolicies } });
  if (answer.type === 'failure') {
    throw new Refusal('invalid', 'policy_invalid', `The actions' schemas cannot be stated in Cedar: ${messageOf(answer.errors)}.`, {
      hint: 'Rename the action or field that the message names.',
    });
  }
  const placed = [...answer.validationErrors, ...answer.validationWarnings].flatMap(({ policyId, error }) => {
    const policy = policies.find(({ id }) => id === policyId);
    return policy === undefined ? [] : [validationProblem(policy, error)];
  });
  const others = answer.otherWarnings.map(({ message, help }): PolicyProblem => ({
    code: 'policy_invalid',
    file: 'policies',
    line: null,
    policy: null,
    message,
    hint: help ?? 'Remove what the message names.',
  }));
  // A typo makes the validator complain twice: the error itself, and that the policy can then never apply.
  const warned = new Set(answer.validationErrors.map(({ policyId }) => policyId));
  return [...placed.filter(({ policy }, index) => index < answer.validationErrors.length || !warned.has(policy ?? '')), ...others].toSorted(
    (a, b) => compare(a.file, b.file) || (a.line ?? 0) - (b.line ?? 0),
  );
}

function validationProblem({ id, file, line, text }: LoadedPolicy, error: DetailedError): PolicyProblem {
  const offset = error.sourceLocations?.[0]?.start ?? 0;
  const prefix = `for policy \`${id}\``;
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length).replace(/^[,:] /, '') : error.message;
  const help = error.help ?? 'Compare the policy with the actions that are declared, their input and their facts.';
  const meant = help.startsWith('did you mean');
  return {
    code: 'policy_invalid',
    file,
    line: line + lineAtByte(text, offset) - 1,
    policy: id,
    message: meant ? `${message}; ${help}` : message,
    hint: meant ? 'Correct the name, or declare it.' : help,
  };
}

function summaryOf({ id, file, line, json, annotations }: LoadedPolicy): PolicySummary {
  const texts = Object.entries(annotations).map(([name, value]) => [name, value ?? ''] as const);
  return { id, file, line, effect: json.effect, annotations: Object.fromEntries(texts), actions: actionsOf(json) };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
