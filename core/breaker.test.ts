import { describe, expect, it } from 'vitest';
import { breakerHold } from './breaker.ts';
import type { Trip } from './limits/index.ts';
import { request, sampleRun, START } from './sample.fixture.ts';
import type { Facts } from './verdict.ts';

const TRIPS: readonly Trip[] = [
  { limit: 'steps', max: 5, reached: 6, message: '5 of 5 steps are used' },
  { limit: 'spend', max: 1_500_000, reached: 1_500_001, message: 'the money is used' },
  { limit: 'time', max: 3_600_000, reached: 3_720_000, message: 'the hour is over' },
];

const FACTS: Facts = {
  now: START,
  run: sampleRun(),
  earlier: null,
  holds: [],
  identical: 0,
  unfolded: [],
  agent: null,
  request: request('/1'),
};

describe('the breaker’s hold', () => {
  const hold = breakerHold(FACTS, TRIPS);

  it('stops the whole run, and never expires', () => {
    expect(hold).toMatchObject({ kind: 'breaker', key: null, digest: null, decideBy: null, state: { kind: 'open' }, version: 1 });
  });

  it('says in one sentence every limit that the call would pass', () => {
    expect(hold.reason).toBe('5 of 5 steps are used; the money is used; the hour is over.');
    expect(hold.shown.title).toMatch(/reached its limit of steps and spend and time$/);
  });

  it('shows each in the unit that people think in', () => {
    expect(hold.shown.fields.slice(1, 4)).toEqual([
      { name: 'steps', value: 'would come to 6, limit 5' },
      { name: 'spend', value: 'would come to $1.500001, limit $1.50' },
      { name: 'time', value: 'would come to 1h 2m, limit 1h' },
    ]);
  });

  it('can be shown for amounts beyond the safe integers', () => {
    const [field] = breakerHold(FACTS, [{ limit: 'spend', max: 1, reached: Number.MAX_SAFE_INTEGER * 2, message: 'm' }]).shown.fields.slice(
      1,
    );
    expect(field?.value).toMatch(/^would come to \$\d+/);
  });
});
