import { setTimeout as delay } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { decideHold, fenceRuns } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { says } from '../../test/sample-run.ts';
import { governedActivity } from './effect.ts';
import { bench, HOLD, openLedger, sample } from './gate.fixture.ts';
import type { Bench } from './gate.fixture.ts';
import { passGate } from './gate.ts';

let ledger: Database;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const kinds = async (world: Bench): Promise<readonly string[]> =>
  (await world.audit()).map((text) => (JSON.parse(text) as { kind: string }).kind);

const approve = async (world: Bench): Promise<void> => {
  const [hold] = await world.holds();
  await decideHold(ledger, hold?.id ?? '', says({ groups: { operators: ['person:grace'] } }));
};

describe('an effect', () => {
  it('runs after its claim is recorded, and its outcome is recorded before it is returned', async () => {
    let during: readonly string[] = [];
    const world = await bench(ledger, {
      act: sample({
        run: async () => {
          during = await kinds(world);
          return 'done';
        },
      }),
    });
    await expect(world.ask()).resolves.toBe('done');
    expect(during.at(-1)).toBe('call.claimed');
    expect((await kinds(world)).at(-1)).toBe('call.succeeded');
  });

  it('runs once, and the record answers whoever asks again', async () => {
    const run = vi.fn(() => Promise.resolve({ n: 1 }));
    const world = await bench(ledger, { act: sample({ run }) });
    await world.ask();
    await expect(world.ask({ temporalAttempt: 2 })).resolves.toEqual({ n: 1 });
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('does not run where its registered function is called past the gate, or twice within one permission', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    const registered = world.parts.actions.get('act');
    if (registered === undefined) throw new Error('not registered');
    const effect = governedActivity(registered);
    await expect(effect()).rejects.toThrow(/past the gate/);
    const log = { info: () => undefined, warn: () => undefined };
    const surroundings = { cancellation: new AbortController().signal, heartbeat: () => undefined, log };
    const twice = async (): Promise<unknown> => {
      await effect();
      return effect();
    };
    await passGate(world.parts, { who: world.who, action: 'act', args: [{}], temporalAttempt: 1, surroundings, run: twice }).catch(
      () => undefined,
    );
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('does not run where the run was killed while the facts were read again', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    let reads = 0;
    const world = await bench(ledger, {
      act: sample({
        run,
        facts: z.object({ at: z.number() }),
        resolve: async () => {
          reads += 1;
          if (reads === 2) {
            await fenceRuns(ledger, { runs: [world.who.run.id] }, { by: 'person:ops', reason: 'a test' });
            await delay(520);
          }
          return { facts: { at: 1 } };
        },
      }),
    });
    expect(await world.refused()).toMatchObject({ type: 'HoldpointFenced' });
    expect(run).not.toHaveBeenCalled();
    expect(await world.call()).toMatchObject({ state: { kind: 'not-started' } });
  });

  it('does not run where it was cancelled before it began, and costs no step', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    const cancelled = new CancelledFailure('CANCELLED');
    await expect(world.ask({ signal: AbortSignal.abort(cancelled) })).rejects.toBe(cancelled);
    expect(run).not.toHaveBeenCalled();
    expect(await world.call()).toMatchObject({ state: { kind: 'not-started' } });
  });
});

describe('facts', () => {
  const acting = (facts: () => unknown, run = vi.fn(() => Promise.resolve('done'))) => ({
    run,
    act: sample({ run, facts: z.any(), resolve: async () => ({ facts: facts() }) }),
  });

  it('that changed between claim and effect stop it, and the call is judged afresh', async () => {
    let reads = 0;
    const { act, run } = acting(() => ({ at: ++reads === 1 ? 'one' : 'two' }));
    const world = await bench(ledger, { act });
    await expect(world.ask()).resolves.toBe('done');
    expect(run).toHaveBeenCalledTimes(1);
    expect((await kinds(world)).filter((kind) => kind.startsWith('call.'))).toEqual([
      'call.claimed',
      'call.not-started',
      'call.claimed',
      'call.succeeded',
    ]);
  });

  it('that never come to rest make it wait, and say so', async () => {
    let reads = 0;
    const { act, run } = acting(() => ({ at: ++reads }));
    const world = await bench(ledger, { act });
    expect(await world.refused()).toMatchObject({
      type: 'HoldpointLater',
      body: { reason: 'what it would act on changed after the claim' },
    });
    expect(run).not.toHaveBeenCalled();
  });

  it.each([
    [
      'cannot be read again',
      () => {
        throw new Error('gone');
      },
    ],
    ['are no JSON the second time', () => ({ when: new Date(0) })],
    [
      'are nothing, where reading fails, and were nothing before',
      () => {
        throw new Error('gone');
      },
    ],
  ])('that %s stop it, and leave no claim behind', async (_, second) => {
    let reads = 0;
    const first = _.startsWith('are nothing') ? undefined : { at: 1 };
    const { act, run } = acting(() => (++reads % 2 === 1 ? first : second()));
    const world = await bench(ledger, { act });
    expect(await world.refused()).toMatchObject({ type: 'HoldpointLater' });
    expect(run).not.toHaveBeenCalled();
    expect(await world.call()).toMatchObject({ state: { kind: 'not-started' } });
  });
});

describe('a hold', () => {
  it('is thrown as what the waiting room understands, and its grant is used once', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    world.ruling = HOLD;
    expect(await world.refused()).toMatchObject({
      type: 'HoldpointHold',
      retryable: false,
      body: { kind: 'approval', askAgainAfter: expect.any(Number) as number },
    });
    expect(run).not.toHaveBeenCalled();
    await approve(world);
    await expect(world.ask()).resolves.toBe('done');
    expect(await world.refused({ ordinal: 2 })).toMatchObject({ type: 'HoldpointHold' });
    expect(run).toHaveBeenCalledTimes(1);
  });
});

it('takes arguments, titles and errors with NUL and half characters, and can still record and hold them', async () => {
  const odd = 'a\0b\u2028\u202E';
  const world = await bench(ledger, { act: sample({ title: () => `${odd}\uD800`, run: () => Promise.reject(new Error(`${odd}\uDC00`)) }) });
  world.ruling = HOLD;
  expect(await world.refused({ input: { [odd]: odd } })).toMatchObject({ type: 'HoldpointHold', body: { kind: 'approval' } });
  await approve(world);
  expect(await world.refused({ input: { [odd]: odd } })).toMatchObject({ type: 'HoldpointHold', body: { kind: 'unknown-outcome' } });
  expect(await world.call()).toMatchObject({ state: { kind: 'unknown', error: 'a\uFFFDb\u2028\u202E\uFFFD' } });
});
