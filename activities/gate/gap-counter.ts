import type { ActionName } from '../../core/index.ts';
import { addGaps } from '../../ledger/index.ts';
import type { Database, GapKind } from '../../ledger/index.ts';
import { plainText } from './error-text.ts';

/** Milliseconds between a gap and its place in the ledger; those in between go with it. */
const WRITE_AFTER = 1_000;
const LONGEST_NAME = 200;

/** Counts the calls that passed in observe without a record. What the ledger does not take is kept and offered again. */
export interface GapCounter {
  count(kind: GapKind, action: ActionName): void;
  /** Offers what is counted now. Never rejects. */
  flush(): Promise<void>;
}

export function createGapCounter(db: Database): GapCounter {
  let counts = new Map<string, { kind: GapKind; action: ActionName; count: number }>();
  let timer: NodeJS.Timeout | undefined;

  function add(kind: GapKind, action: ActionName, by: number): void {
    const key = `${kind}\n${action}`;
    const known = counts.get(key);
    if (known) known.count += by;
    else counts.set(key, { kind, action, count: by });
    timer ??= setTimeout(() => void flush(), WRITE_AFTER).unref();
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const taken = [...counts.values()];
    if (taken.length === 0) return;
    counts = new Map();
    try {
      await addGaps(db, taken);
    } catch {
      for (const { kind, action, count } of taken) add(kind, action, count);
    }
  }

  return { count: (kind, action) => add(kind, plainText(action, LONGEST_NAME), 1), flush };
}
