import { EDITED_KEY, parseEditedResult } from '../core/index.ts';
import type { StepKey } from '../core/index.ts';

/** A call whose arguments an approver changed before it ran. */
export interface EditNotice {
  readonly key: StepKey;
  /** Who changed them: `person:ada`. */
  readonly by: string;
  /** The changed top-level fields with the values that were used. */
  readonly changes: unknown;
}

/** The SDK gives every execution its own instance of each module, so this belongs to one execution. */
const heard: EditNotice[] = [];

/** The calls of this execution, so far, that a person changed; tell the agent, or it will try to repeat the original. */
export function edits(): readonly EditNotice[] {
  return [...heard];
}

/** The result that the workflow sees; notes the edit where there was one. */
export function unwrapResult(result: unknown): unknown {
  const wrapped = parseEditedResult(result);
  if (wrapped === null) return result;
  const edit = wrapped[EDITED_KEY];
  if (edit !== null) heard.push(edit);
  return wrapped.result;
}
