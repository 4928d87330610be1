import type { Micros } from './names.ts';
import { Refusal } from './refusal.ts';

/** Checks that a number is an amount: a non-negative safe integer of micro-USD. Throws `Refusal` `money_invalid`. */
export function micros(value: number): Micros {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Refusal('invalid', 'money_invalid', `An amount is a whole, non-negative number of micro-USD; got ${String(value)}.`);
  }
  return value as Micros;
}

/** Dollars, at most six decimals, as micro-USD: `usd(0.05)` is 50,000. Throws `Refusal` `money_invalid`. */
export function usd(dollars: number | string): Micros {
  const text = typeof dollars === 'number' ? decimal(dollars) : dollars.trim();
  const match = /^(\d{1,10})(?:\.(\d{1,6}))?$/.exec(text);
  if (!match) {
    throw new Refusal(
      'invalid',
      'money_invalid',
      `An amount of dollars is not negative and has at most six decimals; got ${JSON.stringify(dollars) ?? 'nothing'}.`,
    );
  }
  return micros(Number(match[1]) * 1_000_000 + Number((match[2] ?? '').padEnd(6, '0')));
}

/** For people: `$0.05`, `$12`, `$0.000001`. */
export function formatUsd(amount: Micros): string {
  const whole = Math.floor(amount / 1_000_000);
  const fraction = String(amount % 1_000_000)
    .padStart(6, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `$${whole}` : `$${whole}.${fraction.padEnd(2, '0')}`;
}

/** JavaScript prints numbers below 1e-6 with an exponent, which the pattern then refuses. */
function decimal(value: number): string {
  return Number.isFinite(value) ? String(value) : 'not a number';
}
