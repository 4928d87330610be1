import { childPath, stepKey } from '../core/index.ts';
import type { CallHeader, RunHeader, StepKey } from '../core/index.ts';

/**
 * Names the steps of one execution, in the order in which the workflow takes them: that order is the same in
 * every replay, parallel branches included, because workflow code is deterministic.
 */
export interface StepCounter {
  take(): StepKey;
  callHeader(key: StepKey): CallHeader;
  /** For the child that the step `key` starts. */
  childHeader(key: StepKey): RunHeader;
  /** For the execution that continues this one. */
  continuedHeader(): RunHeader;
}

export function createStepCounter(header: RunHeader): StepCounter {
  let next = header.next;
  return {
    take() {
      const key = stepKey(header.path, next);
      next += 1;
      return key;
    },
    callHeader: (key) => ({ v: 1, run: header.run, path: header.path, key }),
    childHeader: (key) => ({ ...header, path: childPath(key), next: 1 }),
    continuedHeader: () => ({ ...header, next }),
  };
}
