import type { AuditEntry } from './audit.ts';
import type { Call, CallRequest, OutcomeKind, StoredResult } from './call.ts';
import type { Hold, HoldState } from './hold.ts';
import type { CanonicalText, HoldId, Instant, Micros, Millis } from './names.ts';
import type { Denial } from './policy-ruling.ts';
import type { Meters, Run } from './run.ts';

/** An outcome that was settled since the last claim, and which the meters have not seen yet. */
export interface Unfolded {
  readonly kind: OutcomeKind | 'refused';
  readonly at: Instant;
}

/** All that a verdict depends on, read under the run's lock. */
export interface Facts {
  readonly now: Instant;
  readonly run: Run;
  /** What the ledger holds under the request's key; null = never asked before. */
  readonly earlier: Call | null;
  /** Holds of this call in any state, newest first, and the run's open run-wide holds. */
  readonly holds: readonly Hold[];
  /** Calls of this run under other keys with the same action and canonical input. */
  readonly identical: number;
  readonly unfolded: readonly Unfolded[];
  readonly request: CallRequest;
  /** What an operator answered for the agent of an adopted run; null = nothing, or nobody need answer. */
  readonly agent: AgentAnswer | null;
}

export type AgentAnswer = 'admitted' | 'refused';

/** What enforcement would have answered where something is in observe. */
export interface Observed {
  readonly verdict: 'hold' | 'deny' | 'later' | 'recorded';
  /** The kind of the hold, or the code of the denial; otherwise the verdict again. */
  readonly what: string;
  readonly reason: string;
  readonly policies: readonly string[];
  /** The groups whose members would have been asked. */
  readonly asks: readonly string[];
}

export type Verdict =
  | { readonly kind: 'allow'; readonly reserve: Micros; readonly grant: HoldId | null }
  /** `result: null` = a person said that it succeeded, and there is no result to give. */
  | { readonly kind: 'recorded'; readonly result: StoredResult | null }
  /** A grant with changes: merge them, prepare again and claim again, naming the edit. */
  | { readonly kind: 'edited'; readonly hold: HoldId; readonly version: number; readonly changes: CanonicalText; readonly by: string }
  | { readonly kind: 'hold'; readonly hold: Hold; readonly askAgainAfter: Millis }
  | { readonly kind: 'deny'; readonly denial: Denial }
  | { readonly kind: 'later'; readonly after: Millis; readonly reason: string }
  | { readonly kind: 'fenced' };

/** A verdict, and everything that must be written with it. */
export interface Decided {
  readonly verdict: Verdict;
  /** The meters with `unfolded` folded in; written, and `unfolded` emptied, whenever `call` is written. */
  readonly meters: Meters;
  /**
   * The call's row as it must stand afterwards; null = write nothing but `closes` and `audit`. Input, facts and
   * execution of the request are stored with it, unless the row goes on telling of another call (`argsDigest`
   * differs from the request's). Where the earlier state was `claimed`, its reservation becomes settled spend.
   */
  readonly call: Call | null;
  /** Set where the call passes only because its run, or a policy, is in observe. */
  readonly observed: Observed | null;
  /**
   * Earlier holds that end with this verdict. A hold with the id `request.freshHold` in a `hold` verdict is new
   * where `call` is written; where it is not, the same token asks again and meets the hold that it opened.
   */
  readonly closes: readonly { readonly hold: HoldId; readonly state: HoldState }[];
  readonly audit: readonly AuditEntry[];
}
