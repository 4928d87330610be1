import { childPath, stepKey } from '../core/index.ts';
import type { CallHeader, RunHeader, StepKey } from '../core/index.ts';

/**
 * Names the steps of one execution, in the order in which the workflow takes them: that order is the same in
 * every replay, parallel branches included, because workflow code is deterministic.
 */
export interface StepCounter {
  /** The next step's key; null in an execution that has no run. */
  take(): StepKey | null;
  callHeader(key: StepKey | null): CallHeader | null;
  /** For the child that the step `key` starts. */
  childHeader(key: StepKey | null): RunHeader | null;
  /** For the execution that continues this one. */
  continuedHeader(): RunHeader | null;
}

export function createStepCounter(header: RunHeader | null): StepCounter {
  let next = header?.next ?? 1;
  return {
    take() {
      if (header === null) return null;
      const key = stepKey(header.path, next);
      next += 1;
      return key;
    },
    callHeader: (key) => (header === null || key === null ? null : { v: 1, run: header.run, path: header.path, key }),
    childHeader: (key) => (header === null || key === null ? null : { ...header, path: childPath(key), next: 1 }),
    continuedHeader: () => (header === null ? null : { ...header, next }),
  };
}
