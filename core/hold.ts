import type { CanonicalText, Digest, HoldId, Instant, Millis, Principal, RunId, StepKey } from './names.ts';
import type { Shown, StoredResult } from './call.ts';
import type { Requirement } from './policy-ruling.ts';

export const HOLD_KINDS = ['approval', 'breaker', 'unknown-outcome', 'diverged', 'admission'] as const;
export type HoldKind = (typeof HOLD_KINDS)[number];

export const CHOICES = ['approve', 'deny', 'raise', 'kill', 'succeeded', 'failed', 'run-again', 'use-recorded', 'admit', 'refuse'] as const;
export type Choice = (typeof CHOICES)[number];

/** A kind is data: what can be chosen, and which choices let the waiting call go on. */
export interface HoldKindRules {
  readonly concerns: 'call' | 'run';
  readonly choices: readonly Choice[];
  /** Choices that grant; the others deny. */
  readonly grants: readonly Choice[];
  /** The group that decides where no policy names one. */
  readonly deciders: string;
}

export const HOLD_RULES: Readonly<Record<HoldKind, HoldKindRules>> = {
  approval: { concerns: 'call', choices: ['approve', 'deny'], grants: ['approve'], deciders: 'operators' },
  breaker: { concerns: 'run', choices: ['raise', 'kill'], grants: ['raise'], deciders: 'operators' },
  'unknown-outcome': {
    concerns: 'call',
    choices: ['succeeded', 'failed', 'run-again'],
    grants: ['succeeded', 'failed', 'run-again'],
    deciders: 'operators',
  },
  diverged: {
    concerns: 'call',
    choices: ['use-recorded', 'run-again', 'kill'],
    grants: ['use-recorded', 'run-again'],
    deciders: 'operators',
  },
  admission: { concerns: 'run', choices: ['admit', 'refuse', 'kill'], grants: ['admit'], deciders: 'operators' },
};

/** Amounts by which an operator raises a run's limits; only stated fields change. Units as in `RunLimits`. */
export interface Raise {
  readonly steps?: number;
  readonly spend?: number;
  readonly time?: Millis;
  readonly identical?: number;
  readonly failures?: number;
}

/** A changed set of top-level input fields, and who changed them. */
export interface Edit {
  readonly version: number;
  readonly changes: CanonicalText;
  readonly by: Principal;
}

/** `open → granted | denied | expired | withdrawn`; nothing leaves the last four, but a granted hold can be withdrawn unused. */
export type HoldState =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'granted';
      readonly by: readonly Principal[];
      readonly at: Instant;
      readonly choice: Choice;
      readonly useBy: Instant | null;
      readonly note: string | null;
    }
  | { readonly kind: 'denied'; readonly by: Principal; readonly at: Instant; readonly choice: Choice; readonly note: string | null }
  | { readonly kind: 'expired'; readonly at: Instant }
  | { readonly kind: 'withdrawn'; readonly at: Instant; readonly why: string };

export interface Hold {
  readonly id: HoldId;
  readonly run: RunId;
  /** The call it concerns; null = the whole run. */
  readonly key: StepKey | null;
  readonly kind: HoldKind;
  readonly state: HoldState;
  /** Grows with every edit; a decision names the version it saw. */
  readonly version: number;
  /** What the approval binds; null for a whole run. */
  readonly digest: Digest | null;
  /** One line for people: why this waits. */
  readonly reason: string;
  readonly requires: readonly Requirement[];
  readonly policySet: string | null;
  readonly shown: Shown;
  readonly openedAt: Instant;
  /** When an undecided hold expires; null = never. */
  readonly decideBy: Instant | null;
  readonly edit: Edit | null;
  /** What a `succeeded` choice gave as the call's result; null otherwise. */
  readonly result: StoredResult | null;
}

/** One person's word on one version of a hold. */
export interface Vote {
  readonly person: Principal;
  readonly version: number;
  readonly choice: Choice;
  readonly at: Instant;
}
