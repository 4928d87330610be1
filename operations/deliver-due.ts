import type { Client } from '@temporalio/client';
import type { Deliverer, Millis } from '../core/index.ts';
import { deliveryAgain, deliveryDone, dueDeliveries } from '../ledger/index.ts';
import type { Database, Delivery } from '../ledger/index.ts';
import type { Bell } from './bell.ts';
import { bounded } from './bounded.ts';
import { createOutage, errorText } from './loop.ts';
import type { OperationsLog } from './loop.ts';

export interface DeliveryDeps {
  readonly db: Database;
  readonly client: Client;
  readonly deliverers: readonly Deliverer[];
  readonly log: OperationsLog;
  readonly bell: Bell;
  readonly signal: AbortSignal;
}

const AT_ONCE = 16;
/** How long one delivery may take; the ledger hands it to nobody else for longer than that. */
const WITHIN: Millis = 15_000;
const LONGEST: Millis = 30_000;
/** How soon the ledger is asked again where nobody rang. */
const POLL: Millis = 1_000;

/** Hands due deliveries to their deliverers, 16 at a time. */
export interface DueDeliveries {
  /** Starts what is due and there is room for, without waiting for its end. Gives how long to rest. */
  round(): Promise<Millis>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

export function createDueDeliveries({ db, client, deliverers, log, bell, signal }: DeliveryDeps): DueDeliveries {
  const underWay = new Set<Promise<void>>();
  const outage = createOutage('deliveries', log);

  async function deliver(delivery: Delivery): Promise<void> {
    const deliverer = deliverers.find(({ kind }) => kind === delivery.kind);
    if (!deliverer) return await again(delivery, LONGEST, `no deliverer for ${delivery.kind}`);
    try {
      const outcome = await bounded(client, { within: WITHIN, signal }, () => deliverer.deliver(delivery));
      outage.over();
      if (outcome === 'done') await deliveryDone(db, delivery);
      else await again(delivery, outcome.againAfter);
    } catch (error) {
      if (signal.aborted) return;
      outage.failed(error);
      await again(delivery, Math.min(LONGEST, 500 * 2 ** Math.min(delivery.tries, 6)), errorText(error));
    }
  }

  async function again(delivery: Delivery, after: Millis, error?: string): Promise<void> {
    await deliveryAgain(db, delivery, after, error);
    setTimeout(() => bell.ring(), after).unref();
  }

  function start(delivery: Delivery): void {
    // A ledger that went away keeps the delivery handed out; it is due again by itself.
    const work = deliver(delivery)
      .catch(outage.failed)
      .finally(() => {
        const full = underWay.size >= AT_ONCE;
        underWay.delete(work);
        if (full) bell.ring();
      });
    underWay.add(work);
  }

  return {
    async round() {
      const room = AT_ONCE - underWay.size;
      if (room === 0) return POLL;
      const due = await dueDeliveries(db, room);
      due.forEach(start);
      return POLL;
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}
