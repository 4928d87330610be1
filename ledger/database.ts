/** A row as the driver gives it: bigint columns as strings or numbers, jsonb parsed, timestamptz never used. */
export type Row = Readonly<Record<string, unknown>>;

export interface Queryable {
  /** Runs one statement with `$1…` parameters. Prepared by its text; keep texts constant. */
  query<R extends Row = Row>(sql: string, parameters?: readonly unknown[]): Promise<readonly R[]>;
}

/**
 * The port to Postgres and PGlite. All instants in the ledger are `bigint` milliseconds since the epoch.
 */
export interface Database extends Queryable {
  readonly kind: 'postgres' | 'pglite';
  /**
   * Runs `body` in one READ COMMITTED transaction. Statements issued without awaiting in between travel
   * in one round trip; those still pending when `body` returns travel with COMMIT. 40P01 and 40001 run
   * `body` again, up to five times, so it must have no effect beyond the transaction.
   * Throws `LedgerError`.
   */
  transaction<T>(body: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Calls back for each NOTIFY on the channel; resolves to a function that stops. Survives reconnection. */
  listen(channel: string, heard: (payload: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export const LEDGER_ERROR_CODES = ['ledger_away', 'ledger_newer', 'invariant_broken', 'ledger_failed', 'ledger_busy'] as const;
export type LedgerErrorCode = (typeof LEDGER_ERROR_CODES)[number];

/**
 * - `ledger_away`: no connection, or lost mid-way; the transaction may or may not have committed: repeat the verb, which is idempotent.
 * - `ledger_busy`: a lock was not had within 2 s; nothing was written: try again later.
 * - `ledger_newer`: the schema was written by a later release; upgrade this one.
 * - `invariant_broken`: a constraint fired; the verb was refused and this is a bug to report.
 * - `ledger_failed`: anything else the database refused.
 */
export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code: LedgerErrorCode;
  constructor(code: LedgerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.code = code;
  }
}
