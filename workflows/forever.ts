import { CancellationScope } from '@temporalio/workflow';

/** For a killed run: an error could be caught, and the loop that caught it would spin. Terminating ends it. */
export function forever(): Promise<never> {
  return CancellationScope.nonCancellable(() => new Promise<never>(() => undefined));
}
