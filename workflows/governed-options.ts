import { ActivityCancellationType } from '@temporalio/workflow';
import type { ActivityOptions, LocalActivityOptions } from '@temporalio/workflow';
import { GOVERNED_ACTIVITY_OPTIONS } from '../core/index.ts';

/**
 * The options of a governed activity: what the author set, but for time-outs and retries, which are the gate's.
 * A cancelled call is waited for, so that the workflow learns what became of the effect, and so that a hold
 * which the gate records meanwhile is withdrawn; only `ABANDON`, which an author asks for by name, stays.
 */
export function governedOptions(options: ActivityOptions): ActivityOptions {
  const { scheduleToCloseTimeout: _, scheduleToStartTimeout: __, ...rest } = options;
  return { ...rest, ...GOVERNED_ACTIVITY_OPTIONS, cancellationType: cancellationOf(options) };
}

/**
 * The same for a local activity. Beyond `localRetryThreshold` the SDK would call the interceptor anew for every
 * retry, which would take another step key each time; the worker retries within it by itself.
 */
export function governedLocalOptions(options: LocalActivityOptions): LocalActivityOptions {
  const { scheduleToCloseTimeout: _, scheduleToStartTimeout: __, ...rest } = options;
  const { startToCloseTimeout, retry } = GOVERNED_ACTIVITY_OPTIONS;
  return { ...rest, startToCloseTimeout, retry, localRetryThreshold: startToCloseTimeout, cancellationType: cancellationOf(options) };
}

/** For withdrawing a hold: an execution that ends waits for this, so it is bounded. */
const WITHDRAW = { startToCloseTimeout: 10_000, retry: { initialInterval: 500, backoffCoefficient: 2, maximumAttempts: 5 } } as const;

export function withdrawOptions({ taskQueue }: ActivityOptions): ActivityOptions {
  return { ...WITHDRAW, scheduleToCloseTimeout: 60_000, ...(taskQueue === undefined ? {} : { taskQueue }) };
}

export function withdrawLocalOptions(): LocalActivityOptions {
  return { ...WITHDRAW, scheduleToCloseTimeout: 60_000, localRetryThreshold: 60_000 };
}

function cancellationOf({ cancellationType }: { readonly cancellationType?: ActivityCancellationType }): ActivityCancellationType {
  const { ABANDON, WAIT_CANCELLATION_COMPLETED } = ActivityCancellationType;
  return cancellationType === ABANDON ? ABANDON : WAIT_CANCELLATION_COMPLETED;
}
