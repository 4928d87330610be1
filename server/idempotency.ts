import { createHash } from 'node:crypto';
import { Refusal } from '../core/index.ts';
import { findResponse, rememberResponse } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface Repeatable {
  readonly db: Database;
  /** Caller and key together: one caller's keys never meet another's. */
  readonly key: string;
  /** Method, path and body; the same key with another request is refused. */
  readonly request: string;
}

/** The ledger's key for a caller's `Idempotency-Key`. Throws `Refusal` `idempotency_key_invalid`. */
export function repetitionKey(caller: string, header: string): string {
  if (!/^[\x21-\x7e]{1,200}$/.test(header)) {
    throw new Refusal('invalid', 'idempotency_key_invalid', 'An Idempotency-Key is 1 to 200 printable ASCII characters without spaces.', {
      hint: 'Use a random UUID.',
    });
  }
  return createHash('sha256').update(`${caller}\n${header}`).digest('hex');
}

/**
 * Answers a repeated request as the first time, for 24 h. Repetitions that arrive while the first is under
 * way wait for it; those that reach another server at that very moment are met by the verbs themselves,
 * which are idempotent by id.
 */
export function createOnce(): (repeatable: Repeatable, first: () => Promise<Answer>) => Promise<Answer & { readonly replayed: boolean }> {
  const underWay = new Map<string, Promise<unknown>>();
  return async function once(repeatable, first) {
    while (underWay.has(repeatable.key)) await underWay.get(repeatable.key);
    const work = answerOnce(repeatable, first);
    underWay.set(
      repeatable.key,
      work.catch(() => undefined),
    );
    try {
      return await work;
    } finally {
      underWay.delete(repeatable.key);
    }
  };
}

async function answerOnce(
  { db, key, request }: Repeatable,
  first: () => Promise<Answer>,
): Promise<Answer & { readonly replayed: boolean }> {
  const hash = createHash('sha256').update(request).digest('hex');
  const known = await findResponse(db, key);
  if (known !== null) {
    if (known.requestHash === hash) return { status: known.status, body: known.body, replayed: true };
    throw new Refusal('conflict', 'idempotency_key_reused', 'This Idempotency-Key was used for another request.', {
      hint: 'Use a fresh key for each new request.',
    });
  }
  const answer = await first();
  await rememberResponse(db, { key, requestHash: hash, status: answer.status, body: answer.body });
  return { ...answer, replayed: false };
}
