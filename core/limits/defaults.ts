import type { Micros } from '../names.ts';
import { Refusal } from '../refusal.ts';
import type { RunLimits } from '../run.ts';
import type { LimitName } from './limit.ts';

/** What a run may do when nobody says otherwise: 100 steps, $5, one hour, 5 identical calls, 5 failures in a row. */
export const DEFAULT_LIMITS: RunLimits = { steps: 100, spend: 5_000_000 as Micros, time: 3_600_000, identical: 5, failures: 5 };

/** Limits in `RunLimits` units, the unstated ones from `base`. Throws `Refusal` `limit_invalid`. */
export function completeLimits(stated: { readonly [Name in LimitName]?: unknown }, base: RunLimits = DEFAULT_LIMITS): RunLimits {
  const value = (name: LimitName): number => {
    const given = stated[name];
    return given === undefined ? base[name] : checkLimit(name, given);
  };
  return {
    steps: value('steps'),
    spend: value('spend') as Micros,
    time: value('time'),
    identical: value('identical'),
    failures: value('failures'),
  };
}

/** A limit is a whole number of at least 1. Throws `Refusal` `limit_invalid`. */
export function checkLimit(name: string, given: unknown): number {
  if (typeof given === 'number' && Number.isSafeInteger(given) && given >= 1) return given;
  const shown =
    typeof given === 'string' ? JSON.stringify(given) : typeof given === 'object' && given !== null ? 'an object' : String(given);
  throw new Refusal(
    'invalid',
    'limit_invalid',
    `The limit "${name}" is a whole number of at least 1; got ${given === undefined ? 'nothing' : shown}.`,
    {
      hint: 'Leave it out to use the default.',
    },
  );
}
