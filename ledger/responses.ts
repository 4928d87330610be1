import type { Database } from './database.ts';

/** The first answer to a request, for its repetitions. */
export interface RememberedResponse {
  readonly requestHash: string;
  readonly status: number;
  /** A JSON value. */
  readonly body: unknown;
}

/** Milliseconds; as long as clients are promised. */
const REMEMBERED = 24 * 3_600_000;

const FIND = `SELECT request_hash, status, body FROM idempotency WHERE key = $1 AND at > holdpoint_now() - ${REMEMBERED}`;
const REMEMBER = `
  INSERT INTO idempotency (key, request_hash, status, body, at) VALUES ($1, $2, $3, $4, holdpoint_now())
  ON CONFLICT (key) DO UPDATE SET request_hash = excluded.request_hash, status = excluded.status, body = excluded.body, at = excluded.at
  WHERE idempotency.at <= holdpoint_now() - ${REMEMBERED}`;
/** A few at a time, with every answer that is kept. */
const FORGET = `
  WITH old AS MATERIALIZED (
    SELECT key FROM idempotency WHERE at <= (SELECT holdpoint_now() - ${REMEMBERED}) ORDER BY at LIMIT 100 FOR UPDATE SKIP LOCKED
  )
  DELETE FROM idempotency USING old WHERE idempotency.key = old.key`;

/** Keeps the answer for 24 h; the first one for a key stands. */
export async function rememberResponse(db: Database, response: RememberedResponse & { readonly key: string }): Promise<void> {
  await db.query(REMEMBER, [response.key, response.requestHash, response.status, JSON.stringify(response.body ?? null)]);
  await db.query(FORGET);
}

/** Null = none, or older than 24 h. */
export async function findResponse(db: Database, key: string): Promise<RememberedResponse | null> {
  const [row] = await db.query<{ request_hash: string; status: number; body: string }>(FIND, [key]);
  return row === undefined ? null : { requestHash: row.request_hash, status: row.status, body: JSON.parse(row.body) as unknown };
}
