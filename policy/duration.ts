import ms from 'ms';
import type { StringValue } from 'ms';
import type { Millis } from '../core/index.ts';

/** A longer wait than a year is a slip of the pen. */
const LONGEST: Millis = 366 * 86_400_000;

/** `30s`, `90m`, `4h`, `1.5d`, `2w` as milliseconds; null for anything else: no unit, zero, negative, above a year. */
export function duration(text: string): Millis | null {
  if (!/^\d{1,6}(?:\.\d{1,3})?(?:ms|s|m|h|d|w)$/.test(text)) return null;
  const value = ms(text as StringValue);
  return Number.isInteger(value) && value > 0 && value <= LONGEST ? value : null;
}
