import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatUsd, micros, usd } from './money.ts';

const amount = fc.maxSafeNat().map(micros);
const refused = expect.objectContaining({ code: 'money_invalid' });

describe('money', () => {
  it('reads back what it prints', () => {
    fc.assert(
      fc.property(amount, (value) => {
        expect(usd(formatUsd(value).slice(1))).toBe(value);
      }),
    );
  });

  it('counts cents and micro-dollars without losing any', () => {
    fc.assert(
      fc.property(fc.nat(9_000_000_000), fc.nat(999_999), (whole, fraction) => {
        expect(usd(`${whole}.${String(fraction).padStart(6, '0')}`)).toBe(whole * 1_000_000 + fraction);
      }),
    );
    expect([usd(0.05), usd('5'), usd(0), usd(12.5), usd('0.000001')]).toEqual([50_000, 5_000_000, 0, 12_500_000, 1]);
  });

  it('prints for people', () => {
    expect([0, 1, 50_000, 500_000, 12_000_000, 1_234_567].map((value) => formatUsd(micros(value)))).toEqual([
      '$0',
      '$0.000001',
      '$0.05',
      '$0.50',
      '$12',
      '$1.234567',
    ]);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('has no amount of %s micro-USD', (value) => {
    expect(() => micros(value)).toThrow(refused);
  });

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e-7,
    0.1 + 0.2,
    '',
    ' ',
    '-5',
    '1e3',
    '5.',
    '.5',
    '1,000',
    '$5',
    '0.0000001',
    '9999999999',
    '0x10',
  ])('has no amount of %j dollars', (value) => {
    expect(() => usd(value)).toThrow(refused);
  });
});
