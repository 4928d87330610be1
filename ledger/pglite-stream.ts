import { Duplex } from 'node:stream';
import type { PGlite } from '@electric-sql/pglite';

/** AuthenticationOk and ReadyForQuery, as a server says them that asks for nothing. */
const WELCOME = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49]);
const TERMINATE = 0x58;

/**
 * What `pg` takes for its socket, with PGlite at the other end: the same client, the same prepared statements, and
 * all that is written at once runs in one call. PGlite's own `query` parses and plans every statement anew.
 */
export class PgliteStream extends Duplex {
  readonly #pglite: PGlite;
  #greeted = false;

  constructor(pglite: PGlite) {
    super();
    this.#pglite = pglite;
  }

  connect(): this {
    process.nextTick(() => this.emit('connect'));
    return this;
  }

  /** A socket's; there is nothing to set. */
  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  override _read(): void {
    // Answers are pushed as they come.
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#answer(chunk).then(() => done(), done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#answer(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  async #answer(messages: Buffer): Promise<void> {
    if (!this.#greeted) {
      this.#greeted = true;
      // There is one session, and it outlives its clients: what an earlier one prepared has no place in this one.
      await this.#pglite.exec('ROLLBACK; DEALLOCATE ALL');
      this.push(WELCOME);
    } else if (messages[0] === TERMINATE) this.push(null);
    else this.push(Buffer.from(await this.#pglite.execProtocolRaw(messages)));
  }
}
