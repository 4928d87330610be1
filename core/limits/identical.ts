import type { Limit } from './limit.ts';

/** Calls of this run with the same action and canonical input, refused ones included; the ledger counts them. */
export const identical: Limit<number> = {
  name: 'identical',
  fold: (count) => count,
  trip: (count, next, max) =>
    count + 1 > max
      ? {
          limit: 'identical',
          max,
          reached: count + 1,
          message: `${next.action} was asked for ${count} times with the same arguments; ${max} are allowed`,
        }
      : null,
};
