import type { CallState, Shown } from './call.ts';
import type { Choice, HoldKind, Vote } from './hold.ts';
import type { ActionName, Digest, HoldId, Instant, Json, Micros, Millis, Principal, RunId, StepKey } from './names.ts';
import type { Denial, Requirement } from './policy-ruling.ts';
import type { Mode, RunState } from './run.ts';
import type { AgentAnswer, Observed, Verdict } from './verdict.ts';

/**
 * What the API answers and the command line prints as JSON; scripts rely on it. Instants are
 * milliseconds since the epoch, durations milliseconds, money micro-USD.
 */
export interface RunSummary {
  readonly id: RunId;
  readonly agent: string;
  readonly workflow: string;
  readonly state: RunState;
  readonly mode: Mode;
  /** Started elsewhere, and adopted at its first call. */
  readonly adopted: boolean;
  readonly requesters: readonly Principal[];
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAt: Instant;
  readonly closedAt: Instant | null;
  /** Why it ended: for a failed run the root cause. Null while it is open. */
  readonly closedReason: string | null;
  readonly killed: { readonly at: Instant; readonly by: Principal | null; readonly reason: string | null } | null;
  readonly steps: { readonly used: number; readonly limit: number };
  readonly spend: { readonly settled: Micros; readonly reserved: Micros; readonly overrun: Micros; readonly limit: Micros };
  /** Working time: what was spent waiting for people is not in it. */
  readonly time: { readonly used: Millis; readonly limit: Millis };
  readonly failures: { readonly used: number; readonly limit: number };
  readonly identical: { readonly limit: number };
  readonly openHolds: number;
}

export interface RunView extends RunSummary {
  readonly calls: readonly CallView[];
  readonly holds: readonly HoldView[];
}

export interface CallView {
  readonly key: StepKey;
  readonly action: ActionName;
  readonly digest: Digest;
  readonly state: CallState['kind'];
  readonly attempts: number;
  /** The gate's last answer. */
  readonly verdict: Verdict['kind'];
  readonly spend: Micros;
  /** The hold whose answer it waits for. */
  readonly hold: HoldId | null;
  /** The hold whose grant it used. */
  readonly grant: HoldId | null;
  readonly error: string | null;
  readonly denial: Denial | null;
  /** What enforcement would have answered; null unless something is in observe. */
  readonly observed: Observed | null;
}

export interface HoldView {
  readonly id: HoldId;
  readonly run: RunId;
  readonly kind: HoldKind;
  /** The action that waits; null where the hold concerns the whole run. */
  readonly action: ActionName | null;
  readonly key: StepKey | null;
  readonly digest: Digest | null;
  readonly reason: string;
  readonly state: 'open' | 'granted' | 'denied' | 'expired' | 'withdrawn';
  readonly version: number;
  readonly requires: readonly Requirement[];
  readonly votes: readonly Vote[];
  readonly openedAt: Instant;
  readonly decideBy: Instant | null;
  readonly choices: readonly Choice[];
  /** Groups whose members may decide, and how many of each must agree. */
  readonly deciders: readonly { readonly approvers: string; readonly quorum: number }[];
  readonly shown: Shown;
  /** How it ended: by whom, when, and why. */
  readonly ended: {
    readonly at: Instant;
    readonly by: readonly Principal[];
    readonly choice: Choice | null;
    readonly useBy: Instant | null;
    readonly note: string | null;
  } | null;
  readonly edit: { readonly version: number; readonly by: Principal; readonly changes: Json } | null;
  readonly policySet: string | null;
}

export interface TokenView {
  readonly id: string;
  readonly principal: Principal;
  readonly kind: 'person' | 'machine';
  readonly name: string;
  readonly createdAt: Instant;
  readonly revokedAt: Instant | null;
}

/** What enforcement would have done, of what passed in observe since an instant. */
export interface ReportView {
  readonly since: Instant;
  readonly totals: { readonly calls: number; readonly runs: number; readonly agents: number };
  /** Alike calls together, the most frequent first. */
  readonly findings: readonly (Observed & {
    readonly agent: string;
    readonly action: ActionName;
    readonly calls: number;
    readonly runs: number;
    readonly lastAt: Instant;
  })[];
  /** Calls that passed without a record, by why; counted by the hour. */
  readonly gaps: readonly { readonly kind: string; readonly action: ActionName; readonly count: number }[];
  /** Agents with open runs in observe. */
  readonly observing: readonly string[];
  /** Agents of runs that were started elsewhere and for whom nobody has answered: enforcement would ask the operators once each. */
  readonly unanswered: readonly string[];
}

/** An agent that has runs, or an answer to whether it may act. */
export interface AgentView {
  readonly agent: string;
  /** Needed for runs that were started elsewhere; null = nobody has answered. */
  readonly answer: {
    readonly answer: AgentAnswer;
    readonly by: Principal;
    readonly note: string | null;
    readonly at: Instant;
  } | null;
  readonly runs: number;
  readonly open: number;
  readonly adopted: number;
  /** Open runs in observe. */
  readonly observed: number;
  readonly lastStartedAt: Instant | null;
}

/** The body of every error: RFC 9457, with the code that scripts rely on. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One page of a list; `next` is the cursor of the page after it. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}
