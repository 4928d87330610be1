import { ApplicationFailure } from '@temporalio/activity';

/** What the warehouse, the bank and the carrier were told, in order. */
export const ledgerOfTheShop: string[] = [];

export async function reserveStock(order: string, sku: string, quantity: number): Promise<void> {
  ledgerOfTheShop.push(`reserve ${quantity} ${sku} for ${order}`);
}

export async function releaseStock(order: string, sku: string, quantity: number): Promise<void> {
  ledgerOfTheShop.push(`release ${quantity} ${sku} of ${order}`);
}

export async function chargeCard(order: string, cents: number): Promise<string> {
  if (cents > 1_000_000) throw ApplicationFailure.nonRetryable(`${cents} cents is beyond the card's limit`, 'CardDeclined');
  ledgerOfTheShop.push(`charge ${cents} for ${order}`);
  return `receipt-${order}`;
}

export async function refundCard(order: string, cents: number): Promise<void> {
  ledgerOfTheShop.push(`refund ${cents} of ${order}`);
}

export async function shipOrder(order: string, address: string): Promise<string> {
  ledgerOfTheShop.push(`ship ${order} to ${address}`);
  return `parcel-${order}`;
}
