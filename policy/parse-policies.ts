import { policySetTextToParts, policyToJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { DetailedError, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { PolicySource } from './policy-source.ts';
import type { PolicyProblem } from './problem.ts';
import { lineAtByte, splitPolicies } from './split-policies.ts';

/** A policy as Cedar reads it, before its annotations are judged. `annotations` without a value are null. */
export interface ParsedPolicy {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly json: PolicyJson;
  readonly annotations: Readonly<Record<string, string | null>>;
}

/** One file's policies in their order, or what keeps Cedar from reading them. */
export interface ParsedFile {
  readonly parsed: readonly ParsedPolicy[];
  readonly problems: readonly PolicyProblem[];
}

export function parsePolicies(source: PolicySource): ParsedFile {
  const problem = (error: Pick<PolicyProblem, 'code' | 'line' | 'message' | 'hint'>) => ({
    parsed: [],
    problems: [{ file: source.file, policy: null, ...error }],
  });
  const parts = policySetTextToParts(source.text);
  if (parts.type === 'failure') return problem(syntaxProblem(parts.errors, source.text));
  const texts = splitPolicies(source.text);
  // What is judged below must be exactly what Cedar read.
  const same =
    [...parts.policies, ...parts.policy_templates].toSorted().join('\n') ===
    texts
      .map(({ text }) => text)
      .toSorted()
      .join('\n');
  if (!same) {
    return problem({
      code: 'policy_syntax',
      line: null,
      message: 'cannot be cut into its policies',
      hint: 'Remove unusual comments and line endings; end every policy with a semicolon.',
    });
  }
  const parsed: ParsedPolicy[] = [];
  for (const { text, line } of texts) {
    const answer = policyToJson(text);
    if (answer.type === 'failure') {
      return problem({
        code: 'policy_template',
        line,
        message: `is a template, or cannot be read by itself: ${messageOf(answer.errors)}`,
        hint: 'Write the agent or action out instead of ?principal or ?resource.',
      });
    }
    parsed.push({ file: source.file, line, text, json: answer.json, annotations: { ...answer.json.annotations } });
  }
  return { parsed, problems: [] };
}

function syntaxProblem(errors: readonly DetailedError[], text: string): Pick<PolicyProblem, 'code' | 'line' | 'message' | 'hint'> {
  const place = errors[0]?.sourceLocations?.[0];
  return {
    code: 'policy_syntax',
    line: place === undefined ? null : lineAtByte(text, place.start),
    message: messageOf(errors),
    hint: place?.label ?? errors[0]?.help ?? 'See https://docs.cedarpolicy.com/policies/syntax-policy.html for how a policy is written.',
  };
}

export function messageOf(errors: readonly DetailedError[]): string {
  return errors.map(({ message }) => message).join('; ') || 'Cedar gave no reason';
}
