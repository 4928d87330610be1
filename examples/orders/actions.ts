import { z } from 'zod';
import { governActivities } from '../../runtime/index.ts';
import * as activities from './activities.ts';

const CHANGES = { readOnly: false, destructive: false, idempotent: false, openWorld: true } as const;
const order = z.string();

/** What is said of the application's activities; their code, and that of its workflows, is as it was. */
export const actions = governActivities(activities, {
  reserveStock: {
    annotations: { ...CHANGES, idempotent: true, openWorld: false },
    args: { order, sku: z.string(), quantity: z.int().min(1) },
  },
  chargeCard: {
    summary: 'Charge the card of a customer',
    annotations: CHANGES,
    args: { order, cents: z.int().min(1) },
    title: ({ order: id, cents }) => `Charge ${String(cents)} cents for order ${String(id)}`,
    declines: ['CardDeclined'],
  },
  shipOrder: { summary: 'Hand a parcel to the carrier', annotations: CHANGES, args: { order, address: z.string() } },
  // Whatever undoes a step may be done twice.
  '*': { annotations: { ...CHANGES, idempotent: true } },
});
