import type { Database, Queryable } from '../../ledger/index.ts';

/** Where faults strike, in the order of one call: a test names one of these, and docs/under-fire.md tells what happens there. */
export const POINTS = {
  prepared: 'before the claim: the call is prepared, and the ledger was asked nothing',
  locked: 'in mid-claim: the run is locked and read, and nothing is written',
  committed: 'the claim is committed, and the gate has not heard',
  claimed: 'between claim and effect: the facts are read again',
  begun: 'during the effect',
  done: 'the effect is done, and its outcome is not recorded',
  settled: 'the outcome is recorded, and nobody has heard',
  held: 'a run waits for a person',
  decided: 'a decision is committed, and nobody was woken',
} as const;
export type Point = keyof typeof POINTS;

const CLAIM = /AS identical/;
const SETTLE = /UPDATE calls SET state = \$4/;
const VOTE = /^INSERT INTO votes/;

/**
 * The ledger, which waits for `reach` at the points of its work. `subject` = the run, and for `decided` the hold;
 * `prepared` comes before any transaction, whatever it is for, and so has none.
 */
export function withPoints(db: Database, reach: (point: Point, subject: string | null) => Promise<void>): Database {
  return {
    ...db,
    async query(sql, parameters) {
      if (!SETTLE.test(sql)) return db.query(sql, parameters);
      const run = String(parameters?.[0]);
      await reach('done', run);
      const rows = await db.query(sql, parameters);
      await reach('settled', run);
      return rows as never;
    },
    async transaction(body) {
      await reach('prepared', null);
      const passed = new Map<Point, string>();
      const watched = (tx: Queryable): Queryable => ({
        query(sql, parameters) {
          const subject = String(parameters?.[0]);
          if (VOTE.test(sql)) passed.set('decided', subject);
          const rows = tx.query(sql, parameters);
          if (!CLAIM.test(sql)) return rows as never;
          passed.set('committed', subject);
          return rows.then((read) => reach('locked', subject).then(() => read)) as never;
        },
      });
      const result = await db.transaction((tx) => body(watched(tx)));
      for (const [point, subject] of passed) await reach(point, subject);
      return result;
    },
  };
}
