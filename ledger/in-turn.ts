import type { Millis, RunId } from '../core/index.ts';
import type { Database } from './database.ts';

/** As long as a lock is waited for: whoever is before may be stuck, and the run's lock keeps the order all the same. */
const PATIENCE: Millis = 2_000;

const lines = new WeakMap<Database, Map<RunId, Promise<void>>>();

/**
 * Lets those who would lock the same run through one after the other. The lock in the database would do that as well;
 * but waiting there costs several times the work itself, and a connection each.
 */
export function inTurn<T>(db: Database, run: RunId, work: () => Promise<T>): Promise<T> {
  const line = lines.get(db) ?? new Map<RunId, Promise<void>>();
  lines.set(db, line);
  const before = line.get(run);
  const mine = before === undefined ? work() : atMost(before, PATIENCE).then(work);
  const leave = (): void => {
    if (line.get(run) === over) line.delete(run);
  };
  const over = mine.then(leave, leave);
  line.set(run, over);
  return mine;
}

async function atMost(before: Promise<void>, within: Millis): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, within);
  });
  await Promise.race([before, tooLong]);
  clearTimeout(timer);
}
