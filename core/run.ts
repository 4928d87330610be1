import type { Instant, Micros, Millis, Principal, RunId } from './names.ts';

/** The most that a run may do. Every field is set: `DEFAULT_LIMITS` fills what nobody stated. */
export interface RunLimits {
  /** Attempts started. */
  readonly steps: number;
  /** Settled and reserved spend together. */
  readonly spend: Micros;
  /** Working time, in milliseconds: time in which a hold is open does not count. */
  readonly time: Millis;
  /** Calls with the same action and canonical input. */
  readonly identical: number;
  /** Consecutive failures, refusals included. */
  readonly failures: number;
}

/** Serialisable state of the limits that look back; advanced only by claim. */
export interface Meters {
  /** Failures since the last success. */
  readonly failures: number;
}

/**
 * `observe` = the verdict that would have been given is recorded, and the call passes. Decided when the run starts,
 * never changed, and never set by the agent.
 */
export const MODES = ['enforce', 'observe'] as const;
export type Mode = (typeof MODES)[number];

/** What becomes of a run that Holdpoint did not start and whose agent nobody has answered for: people are asked, or it is refused. */
export type Admission = 'hold' | 'refuse';

export type RunClosed = 'succeeded' | 'failed' | 'killed';

/** A run as claim sees it, read under its lock. */
export interface Run {
  readonly id: RunId;
  readonly agent: string;
  readonly workflow: string;
  readonly mode: Mode;
  /** Set where it was started elsewhere and adopted at its first call; null = Holdpoint started it. */
  readonly admission: Admission | null;
  /** Who asked for it: starter, owner of the token. They decide nothing about it. Empty = unknown, as for an adopted run. */
  readonly requesters: readonly Principal[];
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: Instant;
  /** Since when the kill fence stands; null = not killed. */
  readonly fencedAt: Instant | null;
  readonly closed: RunClosed | null;
  readonly limits: RunLimits;
  readonly used: {
    readonly steps: number;
    readonly settled: Micros;
    readonly reserved: Micros;
    /** Cost above reservations; outside the limit's constraint, and holds the next claim. */
    readonly overrun: Micros;
    /** Overrun that an operator has accepted by raising the limit. */
    readonly overrunAccepted: Micros;
  };
  /** Time spent waiting for people so far, and since when it waits now (null = it does not). */
  readonly waited: Millis;
  readonly waitingSince: Instant | null;
  /** How many of its holds are open now. */
  readonly openHolds: number;
  readonly meters: Meters;
}

/** The state that people see; derived, never stored. */
export type RunState = 'running' | 'held' | 'paused' | RunClosed;
