import type { Meters } from '../run.ts';
import type { Facts, Unfolded } from '../verdict.ts';
import { failures } from './failures.ts';
import { identical } from './identical.ts';
import type { Trip } from './limit.ts';
import { spend } from './spend.ts';
import { steps } from './steps.ts';
import { time } from './time.ts';

export { checkLimit, completeLimits, DEFAULT_LIMITS } from './defaults.ts';
export type { Limit, LimitName, Trip } from './limit.ts';
export { clockAfter, worked } from './time.ts';

/** The meters after everything that was settled since the last claim. */
export function foldMeters(meters: Meters, outcomes: readonly Unfolded[]): Meters {
  return { failures: outcomes.reduce(failures.fold, meters.failures) };
}

/** Every limit that the next call would pass, in the order in which people should read them. */
export function trips(facts: Facts, meters: Meters): readonly Trip[] {
  const { run, request, now } = facts;
  // A refused call starts nothing, so it can use up neither steps nor money.
  const starts = request.ruling.kind !== 'deny';
  return [
    starts ? steps.trip(run.used.steps, request, run.limits.steps, now) : null,
    starts ? spend.trip(run.used, request, run.limits.spend, now) : null,
    time.trip(run, request, run.limits.time, now),
    identical.trip(facts.identical, request, run.limits.identical, now),
    failures.trip(meters.failures, request, run.limits.failures, now),
  ].filter((trip) => trip !== null);
}
