import { continueAsNew, proxyActivities } from '@temporalio/workflow';

const activities = proxyActivities<Record<string, (input: { text: string }) => Promise<unknown>>>({ startToCloseTimeout: '1m' });

/** So many steps one after the other. */
export async function steps({ count }: { count: number }): Promise<void> {
  for (let step = 0; step < count; step += 1) await activities['bench.step']?.({ text: `${step}` });
}

/** The same with continue-as-new every 250 steps; gives the millisecond at which each hundredth step was done. */
export async function long({ count, done = 0, marks = [] }: { count: number; done?: number; marks?: number[] }): Promise<number[]> {
  let at = done;
  while (at < count) {
    await activities['bench.step']?.({ text: `${at}` });
    at += 1;
    if (at % 50 === 0) marks.push(Date.now());
    if (at % 250 === 0 && at < count) return continueAsNew<typeof long>({ count, done: at, marks });
  }
  return marks;
}

/** One call that a person must approve. */
export async function held({ text }: { text: string }): Promise<void> {
  await activities['bench.held']?.({ text });
}
