import { expect, test } from 'vitest';
import { duration } from './duration.ts';

test.each([
  ['30s', 30_000],
  ['500ms', 500],
  ['30m', 1_800_000],
  ['4h', 14_400_000],
  ['1.5d', 129_600_000],
  ['2w', 1_209_600_000],
])('%s is %i ms', (text, value) => {
  expect(duration(text)).toBe(value);
});

test.each(['', '4', '0h', '0.0h', '-4h', '+4h', '4 h', '4hours', 'h', 'Infinityh', 'NaN', '1e3s', '4h30m', ' 4h', '0.001ms', '400d', '4H'])(
  '%j is no duration',
  (text) => {
    expect(duration(text)).toBeNull();
  },
);
