import {
  ApplicationFailure,
  CancellationScope,
  ParentClosePolicy,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import type { Wake } from '../../core/index.ts';

/** Workflows that stand for runs in the tests of operations: they have no gate and no waiting room. */
const wake = defineSignal<[Wake]>('holdpoint.wake');
const finish = defineSignal('finish');
const wakes = defineQuery<readonly Wake[]>('wakes');

/** Remembers its wake-ups until it is told to finish, or is cancelled. */
export async function waits(): Promise<number> {
  const heard: Wake[] = [];
  let finished = false;
  setHandler(wake, (one) => void heard.push(one));
  setHandler(wakes, () => heard);
  setHandler(finish, () => void (finished = true));
  await condition(() => finished);
  return heard.length;
}

/** Heeds no cancellation. */
export async function stubborn(): Promise<void> {
  await CancellationScope.nonCancellable(() => condition(() => false));
}

export async function echoes(input: unknown): Promise<unknown> {
  return await Promise.resolve(input);
}

export async function fails(): Promise<void> {
  throw ApplicationFailure.nonRetryable('as asked');
}

/** Continues as new `times` times, then waits. */
export async function continues(times: number): Promise<void> {
  if (times > 0) await continueAsNew<typeof continues>(times - 1);
  await waits();
}

/** Starts a child that outlives it, and ends with it or goes on as asked. */
export async function leavesChild(child: { readonly workflowId: string; readonly type: string; readonly wait: boolean }): Promise<void> {
  await startChild(child.type, { workflowId: child.workflowId, args: [], parentClosePolicy: ParentClosePolicy.ABANDON });
  if (child.wait) await waits();
}
