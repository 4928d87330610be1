import { condition, defineSignal, proxyActivities, setHandler } from '@temporalio/workflow';

/** Positional, with options of their own, as in an application that knows nothing of Holdpoint. */
export interface ShopActivities {
  charge(order: string, cents: number): Promise<string>;
  notify(order: string): Promise<void>;
  flaky(order: string): Promise<number>;
  broken(order: string): Promise<never>;
}

const { charge, notify, flaky } = proxyActivities<ShopActivities>({ startToCloseTimeout: '10s', retry: { maximumAttempts: 3 } });
const { broken } = proxyActivities<ShopActivities>({ startToCloseTimeout: '10s', retry: { maximumAttempts: 1 } });
export const shipped = defineSignal('shipped');

export async function order(id: string): Promise<string> {
  let gone = false;
  setHandler(shipped, () => {
    gone = true;
  });
  const receipt = await charge(id, 250);
  await condition(() => gone);
  await notify(id);
  return receipt;
}

export async function retries(id: string): Promise<number> {
  return await flaky(id);
}

/** How its own code sees the failure of an activity. */
export async function breaks(id: string): Promise<{ type: string | null | undefined; message: string }> {
  try {
    await broken(id);
    return { type: null, message: '' };
  } catch (error) {
    const cause = (error as { cause?: { type?: string | null; message: string } }).cause;
    return { type: cause?.type, message: cause?.message ?? '' };
  }
}
