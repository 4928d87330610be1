import { expect, it } from 'vitest';
import { runState } from './run-state.ts';

it('is killed from the fence on, whatever closes or waits', () => {
  expect(runState({ fencedAt: 5, closed: null, openHolds: 1 })).toBe('killed');
  expect(runState({ fencedAt: 5, closed: 'succeeded', openHolds: 0 })).toBe('killed');
});

it('is held while something waits for people, then running, then what it closed as', () => {
  expect(runState({ fencedAt: null, closed: null, openHolds: 2 })).toBe('held');
  expect(runState({ fencedAt: null, closed: null, openHolds: 0 })).toBe('running');
  expect(runState({ fencedAt: null, closed: 'failed', openHolds: 0 })).toBe('failed');
});

it('is running while one branch waits for people and another has an attempt under way', () => {
  expect(runState({ fencedAt: null, closed: null, openHolds: 1, claimed: 1 })).toBe('running');
});
