import type { Limit } from './limit.ts';

/** Attempts started. The meter is the ledger's own counter, so that no attempt escapes it. */
export const steps: Limit<number> = {
  name: 'steps',
  fold: (used) => used,
  trip: (used, _next, max) =>
    used + 1 > max ? { limit: 'steps', max, reached: used + 1, message: `${used} of ${max} steps are used` } : null,
};
