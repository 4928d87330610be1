import { formatDuration } from '../../core/index.ts';
import type { Instant } from '../../core/index.ts';

/** `4m ago`, `in 3h 58m`, `now`. */
export function renderWhen(at: Instant, now: Instant): string {
  const away = Math.abs(at - now);
  if (away < 1_000) return 'now';
  return at < now ? `${formatDuration(away)} ago` : `in ${formatDuration(away)}`;
}

/** A deadline: `in 3h 58m`, `passed 2m ago`, `never`. */
export function renderDeadline(at: Instant | null, now: Instant): string {
  if (at === null) return 'never';
  return at <= now ? `passed ${renderWhen(at, now)}` : renderWhen(at, now);
}
