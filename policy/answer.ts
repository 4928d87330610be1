import type { Requirement } from '../core/index.ts';
import { evaluate } from './evaluate.ts';
import type { Evaluation, Question } from './evaluate.ts';
import type { Slice } from './slices.ts';

/** What Cedar says of one question, and whom the holds that apply ask for. */
export interface Answer {
  readonly first: Evaluation;
  /** Without the policies that ask for people; null unless only such policies stood in the way. */
  readonly second: Evaluation | null;
  readonly requirements: readonly Requirement[];
}

/** Answers of a slice that are remembered, and the longest question (in UTF-16 units) that is. */
const REMEMBERED = 256;
const LONGEST = 2_000;

/**
 * Asks a slice. Cedar's answer depends on nothing but policies and question, and the question has only what the
 * policies read, so most questions come again: those are answered from memory, in microseconds instead of 0.1 ms.
 */
export function answer(slice: Slice, question: Question): Answer {
  const key = JSON.stringify([question.agent, question.context]);
  const known = slice.answers.get(key);
  if (known !== undefined) return known;
  const found = ask(slice, question);
  // An error that is no policy's own may be of the moment.
  const lasting = [...found.first.errors, ...(found.second?.errors ?? [])].every(({ policy }) => policy !== null);
  if (key.length <= LONGEST && lasting) {
    if (slice.answers.size >= REMEMBERED) slice.answers.clear();
    slice.answers.set(key, found);
  }
  return found;
}

function ask(slice: Slice, question: Question): Answer {
  const first = evaluate(slice.all, question);
  const requirements = requirementsOf(slice, first);
  const asksOnly = requirements.length > 0 && requirements.length === first.determining.length && first.errors.length === 0;
  const second = asksOnly && slice.withoutHolds !== null ? evaluate(slice.withoutHolds, question) : null;
  return { first, second, requirements };
}

/** In the order of the policies' ids. */
function requirementsOf(slice: Slice, { decision, determining }: Evaluation): readonly Requirement[] {
  if (decision === 'allow') return [];
  return determining.flatMap((policy) => slice.policies.find(({ id }) => id === policy)?.requirement ?? []);
}
