import { beforeAll, expect, it, vi } from 'vitest';
import { canonical, expireHold } from '../../core/index.ts';
import type { HoldId, RunId, Verdict } from '../../core/index.ts';
import { decideHold, expireHolds, fenceRuns, findHold, listAudit } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { all, counter, describeRaces, expectSound, HOUR } from '../e2e/race.ts';
import { shiftClock } from '../ledgers.ts';
import { ask, askHeld, heldRequest, says, sampleRun } from '../sample-run.ts';
import { seeded } from './seed.ts';
import type { Draw } from './seed.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

/** Five verbs each: 2,000, and on PGlite, whose one session puts all in a row, 1,000. */
const CONTESTS = { postgres: 400, pglite: 200 };
const BATCH = 50;
/** As many verbs are under way: about five contests, in which the clock then strikes. */
const AT_ONCE = 25;
const DECISIONS = ['approve', 'deny', 'edit'] as const;
const WHO = { approve: 'person:grace', deny: 'person:linus', edit: 'person:mary' } as const;
const groups = { 'release-managers': Object.values(WHO), operators: Object.values(WHO) };

/** One hold over which five ways to end it race, and what was heard of each, by the counter. */
interface Contest {
  readonly run: RunId;
  readonly hold: HoldId;
  readonly accepted: (typeof DECISIONS)[number][];
  /** When somebody was told that the call may not be made. */
  readonly losses: number[];
  readonly claims: { readonly begun: number; readonly verdict: Verdict; readonly edited: boolean }[];
  fenced: boolean;
}

describeRaces('approve, deny, expire, edit and kill', (open, kind) => {
  let db: Database;
  beforeAll(() => {
    db = open();
  });

  it(`race ${CONTESTS[kind]} times: one wins each, and nothing is claimed after a loss was told`, async (context) => {
    const draw = seeded(context);
    const winners = new Map<string, number>();
    for (let count = 0; count < CONTESTS[kind]; count += BATCH) {
      const contests = await all(BATCH, begin);
      await race(contests, draw);
      for (const winner of await Promise.all(contests.map(judged))) winners.set(winner, (winners.get(winner) ?? 0) + 1);
      await expectSound(
        db,
        contests.map(({ run }) => run),
      );
    }
    expect([...winners.keys()].toSorted()).toEqual(['approve', 'deny', 'edit', 'expired', 'killed']);
    expect([...winners.values()].reduce((sum, count) => sum + count, 0)).toBe(CONTESTS[kind]);
  });

  async function begin(): Promise<Contest> {
    const run = await sampleRun(db);
    return { run, hold: await askHeld(db, run, heldRequest('/1')), accepted: [], losses: [], claims: [], fenced: false };
  }

  async function race(contests: readonly Contest[], draw: Draw): Promise<void> {
    const tick = counter();
    const claims = async (contest: Contest): Promise<void> => {
      const begun = tick();
      let verdict = await ask(db, contest.run, heldRequest('/1'));
      const edited = verdict.kind === 'edited';
      if (verdict.kind === 'edited') {
        // As the gate does: the changes merged in, and asked about again.
        const { hold, version } = verdict;
        const request = heldRequest('/1');
        const merged = heldRequest('/1', { args: { key: '/1', tag: 'v2' } });
        verdict = await ask(db, contest.run, { ...merged, argsDigest: request.argsDigest, edit: { hold, version } });
      }
      contest.claims.push({ begun, verdict, edited });
    };
    const decides = async (contest: Contest, choice: (typeof DECISIONS)[number]): Promise<void> => {
      const edit = choice === 'edit' ? canonical({ tag: 'v2' }) : null;
      const word = choice === 'edit' ? 'approve' : choice;
      const ruling = await decideHold(db, contest.hold, says({ person: WHO[choice], groups, choice: word, note: 'so', edit }));
      if (ruling?.kind === 'accepted') contest.accepted.push(choice);
      if (ruling?.kind === 'accepted' ? choice === 'deny' : ruling?.refusal.code === 'hold_expired') contest.losses.push(tick());
      await claims(contest);
    };
    const kills = async (contest: Contest): Promise<void> => {
      contest.fenced = (await fenceRuns(db, { runs: [contest.run] }, { by: 'person:grace', reason: 'stop' })).length === 1;
      contest.losses.push(tick());
      await claims(contest);
    };
    const expires = async (): Promise<void> => {
      await shiftClock(db, HOUR + 1);
      await expireHolds(db, expireHold, 1_000);
      const told = tick();
      const states = await Promise.all(contests.map(({ hold }) => findHold(db, hold)));
      for (const [index, hold] of states.entries()) if (hold?.state.kind === 'expired') contests[index]?.losses.push(told);
    };
    const racers = contests.flatMap((contest) =>
      draw.shuffled([...DECISIONS.map((choice) => () => decides(contest, choice)), () => kills(contest), () => claims(contest)]),
    );
    // The clock is one for all of them: in some batches it is early, in others late.
    racers.splice(draw.below(racers.length), 0, expires);
    await all(AT_ONCE, async () => {
      for (let next = racers.shift(); next !== undefined; next = racers.shift()) await next();
    });
  }

  /** Checks one contest, and says who won. */
  async function judged({ run, hold, accepted, losses, claims, fenced }: Contest): Promise<string> {
    const after = await findHold(db, hold);
    const rows = (await listAudit(db, run, { after: 0, limit: 500 })).map(
      ({ text }) => JSON.parse(text) as { kind: string; body: { hold?: string } },
    );
    const endings = rows.filter(
      ({ kind, body }) => kind === 'run.killed' || (body.hold === hold && /^hold\.(granted|denied|expired)$/.test(kind)),
    );
    const first = endings[0]?.kind.replace(/^.*\./, '') ?? 'nobody';
    const [choice] = accepted;
    expect(fenced).toBe(true);
    expect(accepted).toHaveLength(first === 'granted' || first === 'denied' ? 1 : 0);
    if (choice !== undefined) expect(first).toBe(choice === 'deny' ? 'denied' : 'granted');
    expect(endings.filter(({ kind }) => kind !== 'run.killed').length).toBeLessThanOrEqual(1);
    expect((after?.votes ?? []).map(({ person }) => person)).toEqual(accepted.map((one) => WHO[one]));
    expect(after?.edit ?? null).toEqual(choice === 'edit' ? { version: 2, by: WHO.edit, changes: '{"tag":"v2"}' } : null);
    if (first === 'denied' || first === 'expired') expect(after?.state.kind).toBe(first);

    const passed = claims.filter(({ verdict }) => verdict.kind === 'allow');
    expect(passed.length).toBeLessThanOrEqual(first === 'granted' ? 1 : 0);
    // What an approver changed is what is claimed, and nothing else ever is.
    expect(passed.filter(({ edited }) => edited !== (choice === 'edit'))).toEqual([]);
    const toldOfLoss = Math.min(...losses);
    expect(passed.filter(({ begun }) => begun > toldOfLoss)).toEqual([]);
    expect((await ask(db, run, heldRequest('/1'))).kind).toBe('fenced');
    return choice ?? first;
  }
});
