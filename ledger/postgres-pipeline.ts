import type { Duplex } from 'node:stream';
import type pg from 'pg';
import type { LedgerError, Queryable, Row } from './database.ts';
import { ledgerFailure } from './ledger-failure.ts';

/** Prepared statements are known to a connection by name; a text keeps its name for the life of the process. */
const names = new Map<string, string>();

/**
 * One connection while somebody uses it. What is issued without awaiting in between is written to the
 * socket at once, so that it costs one round trip.
 */
export class Pipeline implements Queryable {
  readonly #client: pg.PoolClient;
  #corked = false;
  /** The first statement that failed; those behind it in a transaction failed because of it. */
  failure: LedgerError | undefined;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  /** True once the connection is of no more use. */
  get lost(): boolean {
    return this.failure?.code === 'ledger_away';
  }

  query<R extends Row>(sql: string, parameters?: readonly unknown[]): Promise<readonly R[]> {
    const config = parameters === undefined ? { text: sql } : { name: nameOf(sql), text: sql, values: [...parameters] };
    const rows = this.#send(config).then((result) => result.rows as readonly R[]);
    // Nobody need await a statement: `commit` tells of its failure.
    rows.catch(() => undefined);
    return rows;
  }

  begin(): void {
    this.#send({ text: 'BEGIN' }).catch(() => undefined);
  }

  /** Ends the transaction. Throws the first failure where Postgres answers COMMIT with ROLLBACK, and `ledger_away` where the answer is lost. */
  async commit(): Promise<void> {
    const result = await this.#send({ text: 'COMMIT' });
    if (this.failure !== undefined) throw this.failure;
    if (result.command !== 'COMMIT') throw ledgerFailure(new Error('the transaction did not commit'));
  }

  async rollback(): Promise<void> {
    // Where there is nobody at the other end, nobody will answer this either.
    if (this.lost) return;
    const first = this.failure;
    await this.#send({ text: 'ROLLBACK' }).catch(() => undefined);
    this.failure = this.lost || first === undefined ? this.failure : first;
  }

  async #send(config: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    this.#cork();
    try {
      return await this.#client.query<Row>(config);
    } catch (error) {
      const failure = ledgerFailure(error);
      // A lost connection says more than what was refused before it went.
      if (this.failure === undefined || failure.code === 'ledger_away') this.failure = failure;
      throw failure;
    }
  }

  #cork(): void {
    if (this.#corked) return;
    const { stream } = (this.#client as unknown as { readonly connection: { readonly stream: Duplex } }).connection;
    this.#corked = true;
    stream.cork();
    process.nextTick(() => {
      this.#corked = false;
      stream.uncork();
    });
  }
}

function nameOf(sql: string): string {
  const known = names.get(sql);
  if (known !== undefined) return known;
  const name = `hp${names.size + 1}`;
  names.set(sql, name);
  return name;
}
