import { beforeAll, describe, expect, it } from 'vitest';
import type { CallRequest, Micros, Requirement, RunId, Verdict } from '../../core/index.ts';
import { decideHold, findHold, findRun, findVotes, listHolds, raiseRun } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { shiftClock } from '../ledgers.ts';
import { ask, askHeld, heldRequest, ONE_APPROVER, says, sampleRequest, sampleRun, succeeded, tell } from '../sample-run.ts';
import { all, allowed, describeRaces, everybody, expectSound, groups, isAccepted, watched } from './race.ts';

const RACERS = 200;

describeRaces('races', (open) => {
  let db: Database;
  beforeAll(() => {
    db = open();
  });

  describe('limits', () => {
    it.each([1, 7])('the last %i of the steps go to as many of 200', async (steps) => {
      const run = await sampleRun(db, { steps });
      const verdicts = await watched(
        db,
        run,
        all(RACERS, (index) => ask(db, run, sampleRequest(`/${index + 1}`))),
      );
      expect(allowed(verdicts)).toBe(steps);
      expect(await findRun(db, run)).toMatchObject({ used: { steps }, claimed: steps, openHolds: 1 });
      await expectSound(db, [run]);
    });

    it('the last micro-dollar is reserved by exactly one of 200', async () => {
      const run = await sampleRun(db, { spend: 1_000_000 as Micros, steps: 1_000 });
      const before = sampleRequest('/before', { worst: 1_000_000 as Micros });
      await ask(db, run, before);
      await tell(db, run, before, succeeded(999_999));
      const verdicts = await watched(
        db,
        run,
        all(RACERS, (index) => ask(db, run, sampleRequest(`/${index + 1}`, { worst: 1 as Micros }))),
      );
      expect(allowed(verdicts)).toBe(1);
      expect(await findRun(db, run)).toMatchObject({ used: { settled: 999_999, reserved: 1, overrun: 0 }, claimed: 1 });
      await expectSound(db, [run]);
    });

    it('money that settles give back is reserved again, and never more than there is', async () => {
      const spend = 1_000 as Micros;
      const run = await sampleRun(db, { spend, steps: 1_000 });
      const race = all(RACERS, async (index) => {
        const request = sampleRequest(`/${index + 1}`, { worst: (1 + (index % 97)) as Micros });
        const verdict = await ask(db, run, request);
        if (verdict.kind === 'allow') await tell(db, run, request, succeeded(index % 3 === 0 ? request.worst : 0));
        return verdict;
      });
      const verdicts = await watched(db, run, race);
      expect(allowed(verdicts)).toBeGreaterThan(1_000 / 97);
      const { used } = (await findRun(db, run)) ?? {};
      expect(used).toMatchObject({ reserved: 0, overrun: 0, steps: allowed(verdicts) });
      await expectSound(db, [run]);
    });

    it('a raise lets through as many claims as it says, and each breaker is decided once', async () => {
      const run = await sampleRun(db, { steps: 3, identical: 1_000 });
      let raises = 0;
      const race = all(RACERS, async (index) => {
        const verdict = await ask(db, run, sampleRequest(`/${index + 1}`));
        if (verdict.kind !== 'hold' || index % 2 === 1) return verdict;
        const person = everybody[index % everybody.length] ?? '';
        const ruling = await decideHold(db, verdict.hold.id, says({ person, groups, choice: 'raise', raise: { steps: 2 } }));
        if (isAccepted(ruling)) raises += 1;
        return verdict;
      });
      const verdicts = await watched(db, run, race);
      expect(raises).toBeGreaterThan(0);
      const { items } = await listHolds(db, { run, kind: 'breaker', state: 'granted', limit: 200 });
      expect([...new Set(items.map(({ votes }) => votes.length))]).toEqual([1]);
      expect(items).toHaveLength(raises);
      expect(await findRun(db, run)).toMatchObject({ limits: { steps: 3 + 2 * raises }, used: { steps: allowed(verdicts) } });
      expect(allowed(verdicts)).toBeLessThanOrEqual(3 + 2 * raises);
      await expectSound(db, [run]);
    });

    it('a raise beforehand counts if it came before the limit tripped, and is refused if it did not', async () => {
      const run = await sampleRun(db, { steps: 10 });
      const raise = { raise: { steps: 5 }, by: 'person:grace', reason: 'more to do' };
      const raised: Promise<string>[] = [];
      const race = all(100, async (index) => {
        if (index % 10 === 5) raised.push(raiseRun(db, run, raise));
        return ask(db, run, sampleRequest(`/${index + 1}`));
      });
      const verdicts = await watched(db, run, race);
      const answers = await Promise.all(raised);
      const limit = 10 + 5 * answers.filter((answer) => answer === 'raised').length;
      expect(answers.every((answer) => answer === 'raised' || answer === 'breaker_open')).toBe(true);
      expect(allowed(verdicts)).toBe(Math.min(limit, 100, (await findRun(db, run))?.used.steps ?? 0));
      expect(await findRun(db, run)).toMatchObject({ limits: { steps: limit } });
      await expectSound(db, [run]);
    });
  });

  describe('decisions', () => {
    it('a grant is used by one of 50 claims at once, and the others wait for it', async () => {
      for (let round = 0; round < 5; round += 1) {
        const run = await sampleRun(db);
        const hold = await askHeld(db, run, heldRequest('/1'));
        await decideHold(db, hold, says());
        const verdicts = await all(50, () => ask(db, run, heldRequest('/1')));
        expect(allowed(verdicts)).toBe(1);
        expect(verdicts.filter((verdict) => verdict.kind === 'later')).toHaveLength(49);
        expect(await findRun(db, run)).toMatchObject({ used: { steps: 1 }, claimed: 1 });
      }
    });

    it('one attempt that claims 50 times over is one attempt', async () => {
      const run = await sampleRun(db, { steps: 1 });
      const request = sampleRequest('/1', { worst: 5 as Micros });
      expect(allowed(await all(50, () => ask(db, run, request)))).toBe(50);
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 1, reserved: 5 }, claimed: 1 });
      await expectSound(db, [run]);
    });

    it('a quorum of three is three different people, however many decide at once', async () => {
      const requires: readonly Requirement[] = [{ ...ONE_APPROVER, quorum: 3 }];
      const ruling = { kind: 'requires', requires, policies: ['release-tag'], policySet: 'set' } as const;
      for (let round = 0; round < 10; round += 1) {
        const run = await sampleRun(db);
        const hold = await askHeld(db, run, heldRequest('/1', { ruling }));
        const rulings = await all(36, (index) => decideHold(db, hold, says({ person: everybody[index % 12] ?? '', groups })));
        expect(rulings.filter(isAccepted)).toHaveLength(3);
        const people = (await findVotes(db, hold)).map(({ person }) => person);
        expect(new Set(people).size).toBe(3);
        expect(await findHold(db, hold)).toMatchObject({ state: { kind: 'granted', by: expect.arrayContaining(people) } });
      }
    });
  });

  describe('outcomes', () => {
    it('of a settle and the next attempt of an idempotent call one comes first, and both know which', async () => {
      const runs = await all(100, async (index) => {
        const run = await sampleRun(db);
        await ask(db, run, firstOf(run, index));
        return run;
      });
      await shiftClock(db, 8_001);
      const next = (index: number): CallRequest => sampleRequest('/1', { token: `second-${index}`, worst: 7 as Micros });
      const answers = await all(100, async (index) => {
        const run = runs[index] ?? '';
        const settle = (): Promise<string> => tell(db, run, firstOf(run, index), succeeded(5));
        const again = async (): Promise<string> => (await ask(db, run, next(index))).kind;
        const [told, verdict] =
          index % 2 === 0 ? await Promise.all([settle(), again()]) : (await Promise.all([again(), settle()])).toReversed();
        if (verdict === 'allow') expect(await tell(db, run, next(index), succeeded(6))).toBe('settled');
        expect(await findRun(db, run)).toMatchObject({
          claimed: 0,
          used: verdict === 'allow' ? { steps: 2, settled: 13, reserved: 0 } : { steps: 1, settled: 5, reserved: 0 },
        });
        return `${told} ${verdict}`;
      });
      expect([...new Set(answers)].toSorted()).toEqual(['late allow', 'settled recorded']);
      await expectSound(db, runs);
    });

    it('of a settle and the question about a lost attempt one comes first; what comes late is evidence', async () => {
      const runs = await all(100, async (index) => {
        const run = await sampleRun(db);
        await ask(db, run, { ...firstOf(run, index), idempotent: false });
        return run;
      });
      await shiftClock(db, 8_001);
      const answers = await all(100, async (index) => {
        const run = runs[index] ?? '';
        const settle = (): Promise<string> => tell(db, run, firstOf(run, index), succeeded(5));
        const asks = (): Promise<Verdict> => ask(db, run, sampleRequest('/1', { idempotent: false, worst: 7 as Micros }));
        let told: string;
        let verdict: Verdict;
        if (index % 2 === 0) [told, verdict] = await Promise.all([settle(), asks()]);
        else [verdict, told] = await Promise.all([asks(), settle()]);
        if (verdict.kind === 'hold') {
          // The late outcome is the result that a person may vouch for without giving one.
          expect(isAccepted(await decideHold(db, verdict.hold.id, says({ choice: 'succeeded' })))).toBe(true);
          expect(await ask(db, run, sampleRequest('/1', { idempotent: false }))).toEqual({
            kind: 'recorded',
            result: { kind: 'inline', payload: '"done"' },
          });
        }
        expect(await findRun(db, run)).toMatchObject({
          claimed: 0,
          used: { steps: 1, settled: verdict.kind === 'hold' ? 7 : 5, reserved: 0 },
        });
        return `${told} ${verdict.kind}`;
      });
      expect([...new Set(answers)].toSorted()).toEqual(['late hold', 'settled recorded']);
      await expectSound(db, runs);
    });

    function firstOf(run: RunId, index: number): CallRequest {
      return sampleRequest('/1', { token: `first-${run}-${index}`, worst: 7 as Micros });
    }
  });
});
