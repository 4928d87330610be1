import { beforeAll, describe, expect, it } from 'vitest';
import { decide } from '../core/index.ts';
import type { Micros } from '../core/index.ts';
import { describeLedgers, shiftClock } from '../test/ledgers.ts';
import { ask, askHeld, heldRequest, says, sampleRequest, sampleRun, succeeded, tell } from '../test/sample-run.ts';
import { claim, decideHold, findRun, LEDGER_VERSION, migrate, settle } from './index.ts';
import type { Database } from './index.ts';

const micros = (amount: number): Micros => amount as Micros;

describeLedgers('one call in the ledger', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    expect(await migrate(db)).toEqual({ from: 0, to: LEDGER_VERSION });
  });

  describe('claim', () => {
    it('counts a step and reserves the worst case', async () => {
      const run = await sampleRun(db);
      expect(await ask(db, run, sampleRequest('/1', { worst: micros(500) }))).toEqual({ kind: 'allow', reserve: 500, grant: null });
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 1, reserved: 500, settled: 0 }, claimed: 1, state: 'running' });
    });

    it('answers null for a run that nobody created', async () => {
      expect(await claim(db, 'run-nobody', sampleRequest('/1'), decide)).toBeNull();
    });

    it('answers the same token again without counting again', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1', { worst: micros(5) });
      const first = await ask(db, run, request);
      expect(await ask(db, run, request)).toEqual(first);
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 1, reserved: 5 }, claimed: 1 });
    });

    it('lets another token wait while the lease stands', async () => {
      const run = await sampleRun(db);
      await ask(db, run, sampleRequest('/1'));
      expect(await ask(db, run, sampleRequest('/1'))).toMatchObject({ kind: 'later' });
    });

    it('takes over a lost attempt of an idempotent action, and takes its reservation for spent', async () => {
      const run = await sampleRun(db);
      await ask(db, run, sampleRequest('/1', { worst: micros(70) }));
      await shiftClock(db, 10_000);
      expect(await ask(db, run, sampleRequest('/1', { worst: micros(70) }))).toMatchObject({ kind: 'allow' });
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 2, settled: 70, reserved: 70 }, claimed: 1, meters: { failures: 1 } });
    });

    it('counts calls alike under other keys, and holds the run for all when there are too many', async () => {
      const run = await sampleRun(db, { identical: 2 });
      for (const key of ['/1', '/2']) {
        const request = sampleRequest(key, { args: { same: true } });
        await ask(db, run, request);
        await tell(db, run, request, succeeded());
      }
      const third = await askHeld(db, run, sampleRequest('/3', { args: { same: true } }));
      expect(await askHeld(db, run, sampleRequest('/4'))).toBe(third);
      expect(await findRun(db, run)).toMatchObject({ openHolds: 1, state: 'held', used: { steps: 2 } });
    });

    it('opens one hold a call, and meets it again when asked again', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      expect(await askHeld(db, run, heldRequest('/1'))).toBe(hold);
      expect(await findRun(db, run)).toMatchObject({ openHolds: 1, used: { steps: 0 } });
    });

    it('withdraws the hold of earlier arguments, opens another, and keeps waiting all the while', async () => {
      const run = await sampleRun(db);
      const first = await askHeld(db, run, heldRequest('/1', { args: { tag: 'v1' } }));
      const since = (await findRun(db, run))?.waitingSince;
      const second = await askHeld(db, run, heldRequest('/1', { args: { tag: 'v2' } }));
      expect(second).not.toBe(first);
      const after = await findRun(db, run);
      expect(after?.openHolds).toBe(1);
      expect(after?.waitingSince).toBeGreaterThanOrEqual(since ?? Infinity);
    });

    it('uses a grant for one call', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await decideHold(db, hold, says());
      const request = heldRequest('/1');
      expect(await ask(db, run, request)).toMatchObject({ kind: 'allow', grant: hold });
      await tell(db, run, request, succeeded());
      expect(await ask(db, run, heldRequest('/1'))).toMatchObject({ kind: 'recorded' });
    });

    it('does not count the time of an open hold as working time', async () => {
      const run = await sampleRun(db);
      const hold = await askHeld(db, run, heldRequest('/1'));
      await shiftClock(db, 60_000);
      await decideHold(db, hold, says());
      const after = await findRun(db, run);
      expect(after?.waitingSince).toBeNull();
      expect(after?.waited).toBeGreaterThanOrEqual(60_000);
      expect(after?.waited).toBeLessThan(70_000);
    });

    it('writes nothing when the decision throws', async () => {
      const run = await sampleRun(db);
      const bug = new Error('no decision');
      await expect(
        claim(db, run, sampleRequest('/1'), () => {
          throw bug;
        }),
      ).rejects.toBe(bug);
      expect(await ask(db, run, sampleRequest('/1'))).toMatchObject({ kind: 'allow' });
    });

    it('refuses a decision that would pass a limit, and keeps nothing of it', async () => {
      const run = await sampleRun(db, { spend: micros(10), steps: 1 });
      const tooMuch = claim(db, run, sampleRequest('/1', { worst: micros(11) }), (facts) => ({
        ...decide({ ...facts, run: { ...facts.run, limits: { ...facts.run.limits, spend: micros(99) } } }),
      }));
      await expect(tooMuch).rejects.toMatchObject({ name: 'LedgerError', code: 'invariant_broken' });
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 0, reserved: 0 }, claimed: 0 });
    });

    it('keeps what people and models write, whatever characters it has', async () => {
      const run = await sampleRun(db);
      const title = 'NUL \u0000, lone \ud800, quotes \' " \\, line\nbreak, { } , ✓';
      const request = heldRequest('/1', {
        args: { text: 'NUL \u0000' },
        shown: { title, fields: [{ name: 'a', value: title }], evidence: [] },
      });
      const hold = await askHeld(db, run, request);
      const verdict = await ask(db, run, { ...request, freshHold: 'hold-other' });
      expect(verdict).toMatchObject({ kind: 'hold', hold: { id: hold, shown: { title, fields: [{ value: title }] } } });
    });
  });

  describe('settle', () => {
    it('moves the spend from reserved to settled', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1', { worst: micros(500) });
      await ask(db, run, request);
      expect(await tell(db, run, request, succeeded(300))).toBe('settled');
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 1, reserved: 0, settled: 300, overrun: 0 }, claimed: 0 });
    });

    it('puts what was spent above the reservation into the overrun', async () => {
      const run = await sampleRun(db, { spend: micros(500) });
      const request = sampleRequest('/1', { worst: micros(500) });
      await ask(db, run, request);
      await tell(db, run, request, succeeded(900));
      expect(await findRun(db, run)).toMatchObject({ used: { reserved: 0, settled: 500, overrun: 400 } });
      expect(await ask(db, run, sampleRequest('/2'))).toMatchObject({ kind: 'hold' });
    });

    it('gives the step and the reservation back when nothing was started', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1', { worst: micros(500) });
      await ask(db, run, request);
      expect(await tell(db, run, request, { kind: 'not-started', why: 'too late' })).toBe('settled');
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 0, reserved: 0, settled: 0 }, claimed: 0 });
    });

    it('is idempotent by token', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1', { worst: micros(5) });
      await ask(db, run, request);
      await tell(db, run, request, succeeded(5));
      expect(await tell(db, run, request, succeeded(5))).toBe('already');
      expect(await findRun(db, run)).toMatchObject({ used: { steps: 1, settled: 5 } });
    });

    it('hands the outcome to the next claim, which folds it into the meters once', async () => {
      const run = await sampleRun(db);
      const request = sampleRequest('/1');
      await ask(db, run, request);
      await tell(db, run, request, { kind: 'failed', spend: micros(0), error: 'no \u0000 network' });
      expect(await findRun(db, run)).toMatchObject({ meters: { failures: 0 } });
      await ask(db, run, sampleRequest('/2'));
      await ask(db, run, sampleRequest('/3'));
      expect(await findRun(db, run)).toMatchObject({ meters: { failures: 1 } });
    });

    it('keeps what comes too late as evidence on the question, and changes nothing else', async () => {
      const run = await sampleRun(db);
      const lost = sampleRequest('/1', { idempotent: false, worst: micros(9) });
      await ask(db, run, lost);
      await shiftClock(db, 10_000);
      const hold = await askHeld(db, run, sampleRequest('/1', { idempotent: false, worst: micros(9) }));
      const before = await findRun(db, run);
      expect(before).toMatchObject({ used: { steps: 1, settled: 9, reserved: 0 }, claimed: 0 });
      expect(await tell(db, run, lost, succeeded(3))).toBe('late');
      expect(await findRun(db, run)).toEqual(before);
      const ruling = await decideHold(db, hold, says({ choice: 'succeeded' }));
      expect(ruling).toMatchObject({ kind: 'accepted', result: { payload: '"done"' } });
      expect(await ask(db, run, sampleRequest('/1', { idempotent: false }))).toMatchObject({
        kind: 'recorded',
        result: { payload: '"done"' },
      });
    });

    it('fails for a call that nobody claimed', async () => {
      const run = await sampleRun(db);
      const audit = { kind: 'call.succeeded', body: {} };
      await expect(settle(db, run, '/7' as never, 't', succeeded(), audit)).rejects.toMatchObject({ code: 'ledger_failed' });
    });
  });
});
