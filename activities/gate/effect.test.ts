import { setTimeout as delay } from 'node:timers/promises';
import { CancelledFailure, CompleteAsyncError } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Micros } from '../../core/index.ts';
import { fenceRuns } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { NothingHappened } from '../define-action.ts';
import { bench, openLedger, sample } from './gate.fixture.ts';
import type { Bench } from './gate.fixture.ts';

let ledger: Database;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const kinds = async (world: Bench): Promise<readonly string[]> =>
  (await world.audit()).map((text) => (JSON.parse(text) as { kind: string }).kind);

describe('how an effect ends', () => {
  it.each([
    ['that throws', () => Promise.reject(new Error('it broke')), 'it broke'],
    [
      'that throws at once',
      () => {
        throw new Error('at once');
      },
      'at once',
    ],
    ['that throws nothing', () => Promise.reject(undefined as unknown as Error), 'undefined'],
    ['that throws what has no text', () => Promise.reject(Object.create(null) as Error), 'no text'],
    ['that throws half a character', () => Promise.reject(new Error(`x\uD800${'y'.repeat(3_000)}`)), 'x\uFFFDyy'],
    ['that wants to be completed from outside', () => Promise.reject(new CompleteAsyncError()), 'completed from outside'],
    ['whose output does not fit its schema', () => Promise.resolve({ wrong: 1 }), 'does not fit its schema'],
    ['whose result cannot be encoded', () => Promise.resolve('big'), 'could not be kept'],
  ])('is failed or unknown for one %s, by whether it may be repeated', async (_, run, said) => {
    const output =
      said === 'could not be kept'
        ? z
            .any()
            .transform(() => 10n)
            .pipe(z.any())
        : z.string();
    const asked = await bench(ledger, { act: sample({ run, output }) });
    expect(await asked.refused()).toMatchObject({ type: 'HoldpointHold', body: { kind: 'unknown-outcome' } });
    expect((await asked.holds())[0]?.reason).toContain(said);
    const again = await bench(ledger, { act: sample({ run, output, idempotent: true }) });
    expect(await again.refused()).toMatchObject({ type: 'ActionFailed', retryable: true });
    expect(await again.call()).toMatchObject({ state: { kind: 'failed' } });
    expect(await again.refused({ temporalAttempt: 3 })).toMatchObject({ type: 'ActionFailed', retryable: false });
  });

  it('is not-started for one that says so, also where it has the word from another copy of the package', async () => {
    for (const nothing of [new NothingHappened('not today'), Object.assign(new Error('not today'), { name: 'NothingHappened' })]) {
      const world = await bench(ledger, { act: sample({ run: () => Promise.reject(nothing), cost: { worst: () => 5 as Micros } }) });
      expect(await world.refused()).toMatchObject({ type: 'ActionFailed', retryable: true });
      expect(await world.call()).toMatchObject({ state: { kind: 'not-started' }, spend: 0 });
    }
  });

  it('costs what was reported last, or else the worst case, also where the action throws', async () => {
    const spend = async (report: readonly number[], fails: boolean): Promise<number> => {
      const world = await bench(ledger, {
        act: sample({
          cost: { worst: () => 50 as Micros },
          run: (_, { cost }) => {
            for (const amount of report) cost(amount as Micros);
            return fails ? Promise.reject(new Error('no')) : Promise.resolve('done');
          },
        }),
      });
      await world.ask().catch(() => undefined);
      return (await world.call()).spend;
    };
    expect([await spend([], false), await spend([7, 9], false), await spend([7], true), await spend([], true)]).toEqual([50, 9, 7, 50]);
    expect(await spend([Number.NaN], false)).toBe(50);
  });

  it('is told to the workflow once, where its result is too large to return, and again from the record', async () => {
    const run = vi.fn(() => Promise.resolve('x'.repeat(2_100_000)));
    const world = await bench(ledger, { act: sample({ run }) });
    for (let asked = 0; asked < 2; asked += 1) {
      expect(await world.refused()).toMatchObject({
        type: 'ActionFailed',
        retryable: false,
        message: expect.stringMatching(/too large.*do not repeat/) as string,
      });
    }
    expect(run).toHaveBeenCalledTimes(1);
    expect(await world.call()).toMatchObject({ state: { kind: 'succeeded' } });
  });
});

describe('an action that is told to stop', () => {
  it('may still succeed, which is the truth, also where it was cancelled meanwhile', async () => {
    const controller = new AbortController();
    const world = await bench(ledger, {
      act: sample({
        run: async () => {
          controller.abort(new CancelledFailure('CANCELLED'));
          await delay(30);
          return 'done';
        },
      }),
    });
    await expect(world.ask({ signal: controller.signal })).resolves.toBe('done');
  });

  it('is cancelled for the workflow, and unknown in the ledger, where it throws', async () => {
    const controller = new AbortController();
    const cancelled = new CancelledFailure('CANCELLED');
    const world = await bench(ledger, {
      act: sample({
        run: async (_, { signal }) => {
          controller.abort(cancelled);
          signal.throwIfAborted();
        },
      }),
    });
    await expect(world.ask({ signal: controller.signal })).rejects.toBe(cancelled);
    expect(await world.call()).toMatchObject({ state: { kind: 'unknown' } });
    expect(await world.holds()).toEqual([]);
  });

  it('is told why its time was up', async () => {
    const reasons: unknown[] = [];
    const run = async (_: unknown, { signal }: { signal: AbortSignal }): Promise<never> => {
      await delay(5_000, undefined, { signal }).catch(() => undefined);
      reasons.push(signal.reason);
      throw new Error('stopped');
    };
    const world = await bench(ledger, { act: sample({ run, timeout: 20, idempotent: true }) });
    expect((await world.refused()).message).toMatch(/took more than 20 ms/);
    expect(reasons).toHaveLength(1);
  });

  it('is left behind where it does not listen: what may not be repeated is asked about, and its late end is evidence', async () => {
    let finish: () => void = () => undefined;
    const world = await bench(ledger, {
      act: sample({ timeout: 20, run: () => new Promise((resolve) => (finish = () => resolve('after all'))) }),
    });
    expect(await world.refused()).toMatchObject({ type: 'HoldpointHold', body: { kind: 'unknown-outcome' } });
    expect((await world.holds())[0]).toMatchObject({ reason: expect.stringMatching(/did not stop/) as string, evidence: null });
    finish();
    await expect.poll(async () => (await world.holds())[0]?.evidence).not.toBeNull();
    expect(await world.call()).toMatchObject({ state: { kind: 'unknown' } });
    expect(await kinds(world)).toContain('call.late-settle');
  });

  it('is not begun once more while it still runs, though it could be repeated', async () => {
    let finish: () => void = () => undefined;
    const world = await bench(ledger, {
      act: sample({ timeout: 20, idempotent: true, run: () => new Promise((resolve) => (finish = () => resolve('late'))) }),
    });
    expect(await world.refused()).toMatchObject({ type: 'ActionFailed', retryable: false });
    finish();
  });

  it('hears within a heartbeat that its run was killed', async () => {
    const world = await bench(ledger, {
      act: sample({
        idempotent: true,
        run: async (_, { signal }) => {
          await fenceRuns(ledger, { runs: [world.who.run.id] }, { by: 'person:ops', reason: 'a test' });
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        },
      }),
    });
    await world.ask().catch(() => undefined);
    expect(await world.call()).toMatchObject({ state: { kind: 'failed', error: 'the run was killed' } });
    expect(world.heartbeats()).toBeGreaterThan(0);
  });
});
