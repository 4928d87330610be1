import type { Limit } from './limit.ts';

/** Failures, unknown outcomes and refusals since the last success. */
export const failures: Limit<number> = {
  name: 'failures',
  fold(count, outcome) {
    switch (outcome.kind) {
      case 'succeeded':
        return 0;
      case 'not-started':
        return count;
      default:
        return count + 1;
    }
  },
  trip: (count, _next, max) =>
    count >= max
      ? { limit: 'failures', max, reached: count, message: `${count} calls in a row failed or were refused; ${max} are allowed` }
      : null,
};
