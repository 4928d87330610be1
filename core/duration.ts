import type { Millis } from './names.ts';
import { Refusal } from './refusal.ts';

const UNITS: Readonly<Record<string, Millis>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Ten years; anything longer is a slip of the pen. */
const LONGEST: Millis = 3_650 * 86_400_000;

/**
 * `90s`, `30m`, `1h`, `1.5h`, `7d` as milliseconds. A unit is needed: a bare number would mean seconds to
 * one reader and milliseconds to the next. Throws `Refusal` `duration_invalid`.
 */
export function parseDuration(text: string): Millis {
  const match = /^(\d{1,15}(?:\.\d{1,3})?)\s?(ms|s|m|h|d)$/.exec(text);
  const value = match ? Number(match[1]) * (UNITS[match[2] ?? ''] ?? Number.NaN) : Number.NaN;
  if (Number.isSafeInteger(value) && value > 0 && value <= LONGEST) return value;
  throw new Refusal(
    'invalid',
    'duration_invalid',
    `A duration is a number above 0 and a unit, such as 90s, 30m, 1h or 7d; got ${JSON.stringify(text)}.`,
  );
}

/** For people, at most two units: `350ms`, `12s`, `4m 30s`, `1h`, `2d 3h`. */
export function formatDuration(duration: Millis): string {
  if (duration < 1_000) return `${Math.max(0, Math.round(duration))}ms`;
  const parts: string[] = [];
  let rest = Math.floor(duration / 1_000);
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    rest %= seconds;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}
