import type { Instant, Millis, RunId } from '../core/index.ts';
import type { Database, Queryable } from './database.ts';

/** Something that the world must be told; `desired` is the version that it must have heard of. */
export interface Delivery {
  readonly kind: 'wake' | 'stop';
  /** `wake`: the hold's id; `stop`: the run's. */
  readonly subject: string;
  readonly run: RunId;
  readonly desired: number;
  /** How often it was handed out since it was last desired, this time included. */
  readonly tries: number;
}

/** Milliseconds for which a delivery that was handed out is nobody else's. */
const HANDED_OUT = 30_000;

const DESIRE = `
  INSERT INTO deliveries (kind, subject, run, desired, due_at) VALUES ($1, $2, $3, 1, $4)
  ON CONFLICT (kind, subject) DO UPDATE SET desired = deliveries.desired + 1, due_at = excluded.due_at, tries = 0, error = NULL`;
const DUE = `
  WITH due AS MATERIALIZED (
    SELECT kind, subject FROM deliveries WHERE delivered < desired AND due_at <= (SELECT holdpoint_now()) ORDER BY due_at
    LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
  )
  UPDATE deliveries SET due_at = holdpoint_now() + ${HANDED_OUT}, tries = tries + 1 FROM due
  WHERE deliveries.kind = due.kind AND deliveries.subject = due.subject
  RETURNING deliveries.kind, deliveries.subject, deliveries.run, deliveries.desired, deliveries.tries`;
const DONE = `UPDATE deliveries SET delivered = greatest(delivered, $3), error = NULL WHERE kind = $1 AND subject = $2`;
/** Where a newer version is desired by now, it stays due at once. */
const AGAIN = `UPDATE deliveries SET due_at = holdpoint_now() + $4, error = $5 WHERE kind = $1 AND subject = $2 AND desired = $3 AND delivered < desired`;

/** Sends; the caller's transaction carries what there is to tell. */
export function desireDelivery(tx: Queryable, delivery: Pick<Delivery, 'kind' | 'subject' | 'run'>, now: Instant): void {
  void tx.query(DESIRE, [delivery.kind, delivery.subject, delivery.run, now]);
}

/** Hands out at most `most` due deliveries, the longest due first; each is nobody else's for 30 s, or until it is due again. */
export async function dueDeliveries(db: Database, most: number): Promise<readonly Delivery[]> {
  return await db.query<Delivery & { readonly [column: string]: unknown }>(DUE, [most]);
}

/** What was desired when it was handed out has been heard; a later wish stays due. */
export async function deliveryDone(db: Database, delivery: Delivery): Promise<void> {
  await db.query(DONE, [delivery.kind, delivery.subject, delivery.desired]);
}

/** Not heard yet: it is due again after so many milliseconds, by the ledger's clock. `error` is kept for people. */
export async function deliveryAgain(db: Database, delivery: Delivery, after: Millis, error?: string): Promise<void> {
  await db.query(AGAIN, [delivery.kind, delivery.subject, delivery.desired, after, error ?? null]);
}

/** Whether no call waits for this hold any more: the gate has answered since the decision. */
export async function isAnswered(db: Database, hold: string): Promise<boolean> {
  const rows = await db.query('SELECT 1 FROM calls WHERE waiting_for = $1 LIMIT 1', [hold]);
  return rows.length === 0;
}
