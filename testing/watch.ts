import type { Millis } from '../core/index.ts';
import type { Database } from '../ledger/index.ts';

/** Waits for what the ledger will say. */
export interface Watch {
  /** What `check` finds, as soon as it finds something; null when it has found nothing for as long as a test is patient. */
  until<T extends object>(check: () => Promise<T | null>): Promise<T | null>;
  close(): Promise<void>;
}

const CHANNEL = 'holdpoint';
/** Not everything that the ledger learns is announced. */
const LOOK_EVERY: Millis = 25;

export async function createWatch(db: Database, patience: Millis): Promise<Watch> {
  const waiting = new Set<() => void>();
  const unlisten = await db.listen(CHANNEL, () => waiting.forEach((hear) => hear()));

  function news(): Promise<void> {
    return new Promise((resolve) => {
      const hear = (): void => {
        clearTimeout(timer);
        waiting.delete(hear);
        resolve();
      };
      const timer = setTimeout(hear, LOOK_EVERY);
      waiting.add(hear);
    });
  }

  return {
    async until(check) {
      const giveUpAt = performance.now() + patience;
      for (;;) {
        // oxlint-disable-next-line no-await-in-loop -- one look follows another
        const found = await check();
        if (found !== null || performance.now() > giveUpAt) return found;
        // oxlint-disable-next-line no-await-in-loop -- as above
        await news();
      }
    },
    close: unlisten,
  };
}
