import { setMaxListeners } from 'node:events';
import type { Client } from '@temporalio/client';
import type { Millis } from '../core/index.ts';

/** When a conversation with Temporal ends though it has no answer: after `within`, or when the signal aborts. */
export interface Bounds {
  readonly within: Millis;
  readonly signal: AbortSignal;
}

/** Runs `work` so that every request to Temporal in it is bounded. */
export async function bounded<T>(client: Client, { within, signal }: Bounds, work: () => Promise<T>): Promise<T> {
  // Temporal's client leaves a listener on the signal with every request: not on one that lives long.
  const scope = new AbortController();
  setMaxListeners(0, scope.signal);
  const abort = () => scope.abort();
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    return await client.withDeadline(Date.now() + within, () => client.withAbortSignal(scope.signal, work));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
