import { ActivityFailure, ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type * as activities from './activities.ts';

const { chargeCard, refundCard, releaseStock, reserveStock, shipOrder } = proxyActivities<typeof activities>({
  startToCloseTimeout: '30 seconds',
  retry: { maximumAttempts: 3 },
});

export interface Order {
  readonly id: string;
  readonly sku: string;
  readonly quantity: number;
  readonly cents: number;
  readonly address: string;
}

/** Reserve, charge, ship; when a step fails, what was done before it is undone, the last first. */
export async function orderSaga({ id, sku, quantity, cents, address }: Order): Promise<string> {
  const compensations: (() => Promise<void>)[] = [];
  try {
    await reserveStock(id, sku, quantity);
    compensations.unshift(() => releaseStock(id, sku, quantity));
    await chargeCard(id, cents);
    compensations.unshift(() => refundCard(id, cents));
    return await shipOrder(id, address);
  } catch (error) {
    for (const compensate of compensations) await compensate();
    const cause = error instanceof ActivityFailure ? error.cause : error;
    const type = cause instanceof ApplicationFailure ? cause.type : undefined;
    return `cancelled: ${type ?? 'failed'}`;
  }
}
