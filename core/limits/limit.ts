import type { CallRequest } from '../call.ts';
import type { Instant } from '../names.ts';
import type { RunLimits } from '../run.ts';
import type { Unfolded } from '../verdict.ts';

export type LimitName = keyof RunLimits;

/** A limit that the next call would pass. */
export interface Trip {
  readonly limit: LimitName;
  readonly max: number;
  /** What it would come to, in the limit's unit. */
  readonly reached: number;
  /** For people, and for the agent. */
  readonly message: string;
}

/** One limit: how an outcome moves its meter, and whether the next call would pass `max`. Pure. */
export interface Limit<Meter> {
  readonly name: LimitName;
  fold(meter: Meter, outcome: Unfolded): Meter;
  trip(meter: Meter, next: CallRequest, max: number, now: Instant): Trip | null;
}
