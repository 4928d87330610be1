import { executeChild, sleep } from '@temporalio/workflow';
import { denialOf, proxyActions } from '../workflows/index.ts';
import type * as actions from './sample-actions.fixture.ts';

const { mail, shop } = proxyActions<typeof actions>();

/** Sends a mail, and says what became of it. */
export async function remind(to: string): Promise<string> {
  await mail.count({});
  try {
    const { status } = await mail.send({ to, text: 'The invoice is due.' });
    return `sent: ${status}`;
  } catch (error) {
    const denial = denialOf(error);
    if (denial === null) throw error;
    return denial.code;
  }
}

export async function order(items: readonly string[]): Promise<number> {
  for (const item of items) await shop.stock.order({ item });
  return items.length;
}

export async function orderLater(days: number): Promise<void> {
  await sleep(days * 86_400_000);
  await shop.stock.order({ item: 'tea' });
}

export async function insatiable(): Promise<never> {
  for (;;) await shop.stock.order({ item: 'more' });
}

/** Waits for a child that never calls anything. */
export async function parent(): Promise<void> {
  await executeChild(sleeper, { workflowId: 'the-sleeper', args: [] });
}

export async function sleeper(): Promise<void> {
  await sleep('30 days');
}
