import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Micros } from '../names.ts';
import { Refusal } from '../refusal.ts';
import { DENIED, HOUR, request, sampleRun, START } from '../sample.fixture.ts';
import type { Unfolded } from '../verdict.ts';
import { failures } from './failures.ts';
import { identical } from './identical.ts';
import { checkLimit, clockAfter, completeLimits, DEFAULT_LIMITS, foldMeters, trips, worked } from './index.ts';
import { spend } from './spend.ts';
import { steps } from './steps.ts';
import { time } from './time.ts';

const next = request('/1', { worst: 10 });
const amount = (value: number): Micros => value as Micros;
const kinds = (...all: Unfolded['kind'][]): Unfolded[] => all.map((kind) => ({ kind, at: START }));
const used = (rest: Partial<ReturnType<typeof sampleRun>['used']> = {}) => ({ ...sampleRun().used, ...rest });

describe('steps', () => {
  it('trip at the attempt after the last', () => {
    expect(steps.trip(4, next, 5, START)).toBeNull();
    expect(steps.trip(5, next, 5, START)).toEqual({ limit: 'steps', max: 5, reached: 6, message: '5 of 5 steps are used' });
  });
});

describe('spend', () => {
  it('counts what is settled, what is reserved and what the next call may cost, to the micro-dollar', () => {
    const almost = used({ settled: amount(50), reserved: amount(40) });
    expect(spend.trip(almost, next, 100, START)).toBeNull();
    expect(spend.trip(almost, next, 99, START)).toMatchObject({ reached: 100, max: 99 });
  });

  it('says what is spent and what the call may cost, in dollars', () => {
    const trip = spend.trip(used({ settled: amount(1_500_000) }), next, 1_500_000, START);
    expect(trip?.message).toBe('$1.50 of $1.50 is spent or reserved, and this call may cost $0.00001');
  });

  it('trips for a cost above its reservation until an operator accepts that', () => {
    const over = used({ settled: amount(10), overrun: amount(5) });
    expect(spend.trip(over, next, 1_000, START)?.message).toBe('a call cost $0.000005 more than was reserved for it');
    expect(spend.trip({ ...over, overrunAccepted: amount(5) }, next, 1_000, START)).toBeNull();
  });

  it('does not trip for a call that costs nothing, when the limit is just reached', () => {
    expect(spend.trip(used({ settled: amount(100) }), request('/2'), 100, START)).toBeNull();
  });

  it('trips for any cost that would leave the safe integers', () => {
    expect(spend.trip(used({ settled: amount(9) }), request('/2', { worst: Number.MAX_SAFE_INTEGER }), 100, START)).not.toBeNull();
  });
});

describe('working time', () => {
  const run = { startedAt: START, waited: 0, waitingSince: null };

  it('trips once more than the limit has passed', () => {
    expect(time.trip(run, next, HOUR, START + HOUR)).toBeNull();
    expect(time.trip(run, next, HOUR, START + HOUR + 1)).toMatchObject({ limit: 'time', max: HOUR, reached: HOUR + 1 });
  });

  it('stands still while a hold is open, and goes on when the last one closes', () => {
    const open = { ...run, ...clockAfter(run, 1, START + 100) };
    expect(worked(open, START + 900)).toBe(100);
    const two = { ...run, ...clockAfter(open, 2, START + 500) };
    expect(two).toEqual(open);
    const closed = { ...run, ...clockAfter(two, 0, START + 900) };
    expect(closed).toMatchObject({ waited: 800, waitingSince: null });
    expect(worked(closed, START + 1_000)).toBe(200);
  });

  it('is never negative, and never more than what has passed, whatever the clock does', () => {
    const instant = fc.integer({ min: START - HOUR, max: START + HOUR });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 3 }), instant), { maxLength: 20 }), instant, (changes, now) => {
        const clock = changes.reduce((before, [openHolds, at]) => ({ ...before, ...clockAfter(before, openHolds, at) }), {
          ...run,
          waitingSince: null as number | null,
        });
        expect(clock.waited).toBeGreaterThanOrEqual(0);
        expect(worked(clock, now)).toBeGreaterThanOrEqual(0);
        expect(worked(clock, now)).toBeLessThanOrEqual(Math.max(0, now - START));
      }),
    );
  });
});

describe('identical calls', () => {
  it('trip at the call after the last, whether the others succeeded or not', () => {
    expect(identical.trip(4, next, 5, START)).toBeNull();
    expect(identical.trip(5, next, 5, START)).toMatchObject({
      reached: 6,
      message: 'git.push was asked for 5 times with the same arguments; 5 are allowed',
    });
  });
});

describe('failures in a row', () => {
  it('are failures, unknown outcomes and refusals since the last success', () => {
    expect(foldMeters({ failures: 1 }, kinds('failed', 'unknown', 'refused', 'not-started'))).toEqual({ failures: 4 });
    expect(foldMeters({ failures: 9 }, kinds('failed', 'succeeded', 'failed'))).toEqual({ failures: 1 });
  });

  it('trip at the call after the last that is allowed', () => {
    expect(failures.trip(4, next, 5, START)).toBeNull();
    expect(failures.trip(5, next, 5, START)).toMatchObject({ limit: 'failures', max: 5, reached: 5 });
  });

  it('are the same however the outcomes are cut into claims', () => {
    const outcome = fc.constantFrom<Unfolded['kind']>('succeeded', 'failed', 'unknown', 'not-started', 'refused');
    fc.assert(
      fc.property(fc.array(outcome), fc.array(outcome), (a, b) => {
        const at = foldMeters({ failures: 0 }, kinds(...a));
        expect(foldMeters(at, kinds(...b))).toEqual(foldMeters({ failures: 0 }, kinds(...a, ...b)));
      }),
    );
  });
});

describe('all limits together', () => {
  const facts = (ruling = next.ruling) => ({
    now: START + 2 * HOUR,
    run: { ...sampleRun({ steps: 1, spend: amount(5), identical: 1, failures: 1 }), used: used({ steps: 1, settled: amount(5) }) },
    earlier: null,
    holds: [],
    identical: 1,
    unfolded: [],
    agent: null,
    request: { ...next, ruling },
  });

  it('are named in one order', () => {
    expect(trips(facts(), { failures: 1 }).map(({ limit }) => limit)).toEqual(['steps', 'spend', 'time', 'identical', 'failures']);
  });

  it('count only what a refused call can use up', () => {
    expect(trips(facts(DENIED), { failures: 1 }).map(({ limit }) => limit)).toEqual(['time', 'identical', 'failures']);
  });
});

describe('stated limits', () => {
  it('are completed from the defaults, or from a base', () => {
    expect(completeLimits({ steps: 3 })).toEqual({ ...DEFAULT_LIMITS, steps: 3 });
    expect(completeLimits({}, { ...DEFAULT_LIMITS, time: 7 })).toMatchObject({ time: 7 });
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 53, '5', null, true, [], {}])('of %j are refused by name, rule and value', (given) => {
    expect(() => completeLimits({ steps: given })).toThrowError(/"steps" is a whole number of at least 1; got /);
    expect(() => checkLimit('steps', given)).toThrowError(Refusal);
  });
});
