import type { Millis, RunId } from './names.ts';

/** What one deliverer brings into the world; `card` and `webhook` come with their adapters. */
export type DeliveryKind = 'card' | 'wake' | 'stop' | 'webhook';

/** What is to be delivered: the thing as the ledger now wants the world to know it. */
export interface Subject {
  readonly kind: DeliveryKind;
  /** Hold id or run id, as the kind says. */
  readonly subject: string;
  readonly run: RunId;
  /** The version that is desired; a later one replaces an earlier one. */
  readonly desired: number;
  /** How often this version has been tried, this time included. */
  readonly tries: number;
}

/**
 * Tells the world of one committed decision. Level-triggered: it is called again until it says `done`,
 * perhaps from another process, so it must do no harm when repeated. A duration, not an instant, says
 * when to come again: clocks differ between machines. Throws when it could not be tried at all.
 */
export interface Deliverer {
  readonly kind: DeliveryKind;
  deliver(subject: Subject): Promise<'done' | { readonly againAfter: Millis }>;
}
