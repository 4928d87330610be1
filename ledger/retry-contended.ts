import { isTransient } from './ledger-failure.ts';

const TRIES = 5;
/** Milliseconds; grows with each try, and differs between the contenders. */
const PAUSE = 10;

/** Runs `work` again after a deadlock or a serialisation failure, five times at most. */
export async function retryContended<T>(work: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await work();
    } catch (error) {
      if (tried >= TRIES || !isTransient(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE * tried));
    }
  }
}
