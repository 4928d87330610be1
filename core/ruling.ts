import type { AuditEntry } from './audit.ts';
import type { StoredResult } from './call.ts';
import type { Hold, Raise, Vote } from './hold.ts';
import type { Instant } from './names.ts';
import type { RefusalKind } from './refusal.ts';
import type { Run } from './run.ts';
import type { AgentAnswer } from './verdict.ts';

/** All that a ruling depends on, read under the run's lock. */
export interface HoldFacts {
  readonly now: Instant;
  readonly run: Run;
  readonly hold: Hold;
  /** Votes on every version of the hold, oldest first. */
  readonly votes: readonly Vote[];
  /** What a settle that came too late knows of the outcome; null = nothing. */
  readonly evidence: StoredResult | null;
}

/** What becomes of a decision. `hold` is the hold as it must stand afterwards. */
export type Ruling =
  | {
      readonly kind: 'accepted';
      readonly hold: Hold;
      readonly vote: Vote;
      readonly raise: Raise | null;
      /** Fence the run as well; the reason that people see. */
      readonly kill: string | null;
      /** The result that a `succeeded` choice gives to the call. */
      readonly result: StoredResult | null;
      /** What it answers for the run's agent, in all its runs; null = it is no question of admission. */
      readonly agent: AgentAnswer | null;
      readonly audit: readonly AuditEntry[];
    }
  | {
      readonly kind: 'refused';
      readonly refusal: { readonly kind: RefusalKind; readonly code: string; readonly message: string; readonly hint: string };
      /** Set where the clock closed the hold; it is written, though the decision is refused. */
      readonly hold: Hold | null;
      readonly audit: readonly AuditEntry[];
    };
