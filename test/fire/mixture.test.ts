import { beforeAll, expect, it, vi } from 'vitest';
import { expireHold } from '../../core/index.ts';
import type { HoldId, Micros, RunId, StepKey } from '../../core/index.ts';
import {
  appendInstallationAudit,
  closeRun,
  decideHold,
  deliveryDone,
  dueDeliveries,
  expireHolds,
  fenceRuns,
  listCalls,
  listHolds,
  publishPolicySet,
  raiseRun,
  recordExecution,
  renew,
  runsToCheck,
  verifyAudit,
  withdrawCall,
} from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { shiftClock } from '../ledgers.ts';
import { ask, heldRequest, says, sampleRequest, sampleRun, succeeded, tell } from '../sample-run.ts';
import { all, describeRaces, everybody, expectSound, groups, HOUR } from '../e2e/race.ts';
import { seeded } from './seed.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

/** PGlite has one connection, so that nothing can lock anything; there it is the same code, and fewer will do. */
const VERBS = { postgres: 10_000, pglite: 1_000 };
const AT_ONCE = 20;

describeRaces('a mixture of verbs', (open, kind) => {
  let db: Database;
  beforeAll(() => {
    db = open();
  });

  it(`of every kind, ${VERBS[kind]} of them over ${AT_ONCE} connections, meets no deadlock, no broken invariant and no busy lock`, async (context) => {
    const verbs = VERBS[kind];
    const draw = seeded(context).below;
    const begin = (index: number): Promise<RunId> =>
      sampleRun(db, { steps: 60, spend: 500 as Micros, identical: 500, failures: 50 }, `bot-${index % 3}`);
    const runs = await all(20, begin);
    const ended: RunId[] = [];
    /** Others take the place of runs that have ended, so that there is always something to contend for. */
    const replace = async (over: readonly RunId[]): Promise<void> => {
      for (const run of over) {
        const index = runs.indexOf(run);
        if (index < 0) continue;
        ended.push(run);
        runs[index] = await begin(index);
      }
    };
    const before = kind === 'pglite' ? 0 : await deadlocks(db);
    const counts = new Map<string, number>();
    /** Postgres replaces a function for one at a time. */
    let clock = Promise.resolve();
    const worked = async (name: string, verb: () => Promise<unknown>): Promise<void> => {
      await verb();
      counts.set(name, (counts.get(name) ?? 0) + 1);
    };
    const anyHold = async (run: RunId): Promise<HoldId | null> =>
      (await listHolds(db, { run, state: 'open', limit: 1 })).items[0]?.id ?? null;
    const one = async (): Promise<void> => {
      const run = runs[draw(runs.length)] ?? '';
      const key = `/${1 + draw(9)}` as StepKey;
      const choice = draw(16);
      switch (choice) {
        case 0:
          return worked('expire', () => expireHolds(db, expireHold, 100));
        case 1:
          return worked('withdraw', () => withdrawCall(db, run, key, 'gone'));
        case 2:
          return worked('raise', () => raiseRun(db, run, { raise: { steps: 1 }, by: 'person:grace', reason: 'more' }));
        case 3:
          return worked('deliver', async () => {
            for (const delivery of await dueDeliveries(db, 5)) await deliveryDone(db, delivery);
          });
        case 4:
          return worked('check', () => runsToCheck(db, Number.MAX_SAFE_INTEGER, 5));
        case 5:
          return worked('policies', () => publishPolicySet(db, { hash: `h${draw(4)}`, text: 'x' }));
        case 6:
          return worked('installation', () => appendInstallationAudit(db, { kind: 'call.rejected', body: {} }));
        case 7:
          return worked('execution', () =>
            recordExecution(db, { workflowId: `${run}${key}`, runId: `r${draw(5)}`, firstRunId: 'f', path: key, run }),
          );
        case 8:
          return draw(10) === 0
            ? worked('kill', async () => {
                const filter = draw(2) === 0 ? { agent: `bot-${draw(3)}`, state: 'held' as const } : { runs: [run, runs[draw(20)] ?? ''] };
                await replace(await fenceRuns(db, filter, { by: 'person:grace', reason: 'stop' }));
              })
            : worked('clock', () => (clock = clock.then(() => shiftClock(db, draw(9_000)))));
        case 9:
          return draw(10) === 0
            ? worked('close', async () => {
                await closeRun(db, run, 'succeeded', 'it ended');
                await replace([run]);
              })
            : worked('read', () => listCalls(db, run));
        case 10:
        case 11:
          return worked('decide', async () => {
            const hold = await anyHold(run);
            if (hold === null) return;
            const person = everybody[draw(12)] ?? '';
            await decideHold(db, hold, (facts) => {
              const choices = {
                approval: ['approve', 'deny'],
                breaker: ['raise'],
                'unknown-outcome': ['failed', 'run-again'],
                diverged: ['run-again'],
                admission: ['admit'],
              } as const;
              const mine = choices[facts.hold.kind];
              const chosen = mine[draw(mine.length)] ?? 'deny';
              return says({
                person,
                groups,
                choice: chosen,
                note: 'so',
                raise: chosen === 'raise' ? { steps: 3, spend: 50, failures: 5, time: HOUR } : null,
              })(facts);
            });
          });
        default:
          return worked('call', async () => {
            const request = draw(3) === 0 ? heldRequest(key) : sampleRequest(key, { worst: draw(20) as Micros, idempotent: draw(2) === 0 });
            const verdict = await ask(db, run, request);
            if (verdict.kind !== 'allow') return;
            if (draw(2) === 0) await renew(db, run, request.key, request.token, 8_000);
            const end = draw(5);
            if (end === 0) return;
            await tell(
              db,
              run,
              request,
              end === 1
                ? { kind: 'not-started', why: 'late' }
                : end === 2
                  ? { kind: 'failed', spend: 1 as Micros, error: 'x' }
                  : succeeded(draw(25)),
            );
          });
      }
    };
    let begun = 0;
    await all(AT_ONCE, async () => {
      while (begun < verbs) {
        begun += 1;
        await one();
      }
    });
    expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(verbs);
    expect([...counts.keys()]).toHaveLength(14);
    await expectSound(db, [...ended, ...runs]);
    expect((await verifyAudit(db, 'installation')).brokenAt).toBeNull();
    if (kind === 'postgres') expect(await deadlocks(db)).toBe(before);
  });
});

/** How many deadlocks Postgres broke in this database; the ledger would have tried again and said nothing. */
async function deadlocks(db: Database): Promise<number> {
  await db.query('SELECT pg_stat_force_next_flush()');
  const [row] = await db.query<{ count: number }>('SELECT deadlocks AS count FROM pg_stat_database WHERE datname = current_database()');
  return row?.count ?? 0;
}
