import type { StepKey } from './names.ts';

/**
 * A step's name within its run: the logical path of its execution and the ordinal of the step in it.
 * The root's path is ''; a child's path is its parent's path plus the ordinal that started it. No
 * physical run id takes part, so a retry, a reset and a continued execution meet the same call. Keys
 * are never shortened.
 */
export function stepKey(path: string, ordinal: number): StepKey {
  if (!isPath(path) || !Number.isSafeInteger(ordinal) || ordinal < 1 || ordinal > 999_999_999_999_999) {
    throw new RangeError(`No step key from path ${JSON.stringify(path)} and ordinal ${String(ordinal)}.`);
  }
  return `${path}/${ordinal}` as StepKey;
}

/** The path of the child execution that this step started: the key itself. */
export function childPath(key: StepKey): string {
  return key;
}

export function isPath(text: string): boolean {
  return text === '' || isStepKey(text);
}

export function isStepKey(text: string): text is StepKey {
  return /^(?:\/[1-9]\d{0,14})+$/.test(text);
}

/** The path of the execution that a step belongs to. */
export function pathOf(key: StepKey): string {
  return key.slice(0, key.lastIndexOf('/'));
}

/** The path of the parent execution, or null for the root. */
export function parentPath(path: string): string | null {
  return path === '' ? null : path.slice(0, path.lastIndexOf('/'));
}
