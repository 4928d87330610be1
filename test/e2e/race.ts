import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Ruling, RunId, Verdict } from '../../core/index.ts';
import { findRun, migrate, openPglite, openPostgres, verifyAudit } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';

const CONNECTIONS = 25;
export const HOUR = 3_600_000;

export const all = <T>(count: number, one: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => one(index)));
export const allowed = (verdicts: readonly Verdict[]): number => verdicts.filter((verdict) => verdict.kind === 'allow').length;
export const isAccepted = (ruling: Ruling | null): boolean => ruling?.kind === 'accepted';
export const everybody = Array.from({ length: 12 }, (_, index) => `person:p${index}`);
export const groups = { 'release-managers': everybody, operators: everybody };

/** What every counter of a run says is what its calls and holds say, no limit is passed, and its chain holds. */
export async function expectSound(db: Database, runs: readonly RunId[]): Promise<void> {
  const wrong = await db.query(
    `SELECT r.id FROM runs r WHERE r.id = ANY ($1) AND (
      r.claimed <> (SELECT count(*) FROM calls c WHERE c.run = r.id AND c.state = 'claimed')
      OR r.reserved <> (SELECT coalesce(sum(c.reserved), 0) FROM calls c WHERE c.run = r.id AND c.state = 'claimed')
      OR r.settled + r.overrun <> (SELECT coalesce(sum(c.spend), 0) FROM calls c WHERE c.run = r.id)
      OR r.open_holds <> (SELECT count(*) FROM holds h WHERE h.run = r.id AND h.state = 'open')
      OR r.steps_used > r.steps_limit OR r.settled + r.reserved > r.spend_limit)`,
    [runs],
  );
  expect(wrong).toEqual([]);
  const chains = await Promise.all(runs.map((run) => verifyAudit(db, run)));
  expect(chains.filter((chain) => chain.brokenAt !== null)).toEqual([]);
}

/** Looks at the run again and again while the race is on. */
export async function watched<T>(db: Database, run: RunId, race: Promise<T>): Promise<T> {
  let on = true;
  const ended = race.finally(() => {
    on = false;
  });
  let looks = 0;
  while (on) {
    const { used, limits } = (await findRun(db, run)) as NonNullable<Awaited<ReturnType<typeof findRun>>>;
    expect(used.steps).toBeLessThanOrEqual(limits.steps);
    expect(used.settled + used.reserved).toBeLessThanOrEqual(limits.spend);
    looks += 1;
  }
  expect(looks).toBeGreaterThan(0);
  return await ended;
}

/** Orders what was heard: a verb that begins after another's acknowledgement has the higher number. */
export function counter(): () => number {
  let count = 0;
  return () => (count += 1);
}

/** Runs a suite on PGlite, which puts everything in a row, and on a Postgres with 25 connections. */
export function describeRaces(title: string, suite: (db: () => Database, kind: Database['kind']) => void): void {
  describe.each(['pglite', 'postgres'] as const)(`${title} (%s)`, (kind) => {
    let db: Database;
    let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
    beforeAll(async () => {
      if (kind === 'postgres') server = await startPostgres();
      db = await (server === undefined
        ? openPglite({ memory: true })
        : openPostgres({ url: await freshDatabase(server.url), poolSize: CONNECTIONS }));
      await migrate(db);
    });
    afterAll(async () => {
      await db.close();
      await server?.stop();
    });
    suite(() => db, kind);
  });
}
