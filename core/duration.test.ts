import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from './duration.ts';

describe('parseDuration', () => {
  it('reads a number and a unit', () => {
    expect(['90s', '30m', '1h', '1.5h', '7d', '250ms', '5 m'].map(parseDuration)).toEqual([
      90_000, 1_800_000, 3_600_000, 5_400_000, 604_800_000, 250, 300_000,
    ]);
  });

  it.each(['', '5', '0s', '-1h', '1h30m', 'NaN', '1e3s', '1w', '1.0001ms', '99999d', ' 1h', 'Infinityh'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'duration_invalid' }));
  });
});

describe('formatDuration', () => {
  it('writes at most two units', () => {
    expect([0, 350, 12_000, 270_000, 3_600_000, 3_605_000, 183_600_000].map(formatDuration)).toEqual([
      '0ms',
      '350ms',
      '12s',
      '4m 30s',
      '1h',
      '1h',
      '2d 3h',
    ]);
  });
});
