import { randomInt } from 'node:crypto';
import type { TestContext } from 'vitest';

/** What is left to chance in a test; the same seed gives the same draws. */
export interface Draw {
  /** A whole number from 0, below this. */
  below(limit: number): number;
  shuffled<T>(list: readonly T[]): T[];
}

/** HOLDPOINT_TEST_SEED, or another with each run of the tests. */
export const SEED = Number(process.env['HOLDPOINT_TEST_SEED'] ?? randomInt(2 ** 31));

/** The test's own draws, whatever ran before it. If it fails, it says the seed that finds the failure again. */
export function seeded({ task, onTestFailed }: Pick<TestContext, 'task' | 'onTestFailed'>): Draw {
  onTestFailed(() => console.error(`HOLDPOINT_TEST_SEED=${SEED} finds this again: ${task.name}`));
  return draws(SEED, task.name);
}

/** By `seed` and, so that two tests do not draw alike, by `name`. */
export function draws(seed: number, name: string): Draw {
  let state = [...name].reduce((sum, character) => Math.imul(sum ^ (character.codePointAt(0) ?? 0), 0x01000193), seed | 0);
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    shuffled(list) {
      const left = [...list];
      for (let last = left.length - 1; last > 0; last -= 1) {
        const other = below(last + 1);
        [left[last], left[other]] = [left[other] as (typeof left)[number], left[last] as (typeof left)[number]];
      }
      return left;
    },
  };
}
