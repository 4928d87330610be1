import { Refusal } from '../core/index.ts';

/** Why a set of policies is refused; each code is the `Refusal`'s. */
export const PROBLEM_CODES = [
  'policy_syntax',
  'policy_template',
  'policy_no_id',
  'policy_duplicate',
  'policy_annotation',
  'policy_group',
  'policy_invalid',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** One thing that is wrong in a policy file. `line` counts from 1; `policy` is its `@id`; null = not known. */
export interface PolicyProblem {
  readonly code: ProblemCode;
  readonly file: string;
  readonly line: number | null;
  readonly policy: string | null;
  readonly message: string;
  readonly hint: string;
}

/**
 * Throws the first problem as a `Refusal` (kind `invalid`), with all of them in `data.problems`, each with its own
 * place. Returns where there is none.
 */
export function refuseProblems(problems: readonly PolicyProblem[]): void {
  const [first, ...others] = problems;
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` (and ${others.length} more ${others.length === 1 ? 'problem' : 'problems'})`;
  throw new Refusal('invalid', first.code, `${place(first)}: ${first.message}${more}`, { hint: first.hint, data: { problems } });
}

function place({ file, line, policy }: PolicyProblem): string {
  return `${file}${line === null ? '' : `:${line}`}${policy === null ? '' : ` (policy "${policy}")`}`;
}
