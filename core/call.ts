import type { ActionName, CanonicalText, Digest, HoldId, Instant, Micros, Millis, StepKey, Token } from './names.ts';
import type { Denial, PolicyRuling } from './policy-ruling.ts';

/** One physical execution of a workflow, as Temporal names it. */
export interface ExecutionRef {
  readonly workflowId: string;
  readonly runId: string;
}

/** An action's result as stored: encoded payloads (after the codecs), inline or by the hash of a blob. */
export type StoredResult =
  | { readonly kind: 'inline'; readonly payload: string }
  | { readonly kind: 'blob'; readonly sha256: string; readonly bytes: number };

/** How an attempt ended. `spend` is what the attempt cost, in micro-USD. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly spend: Micros; readonly result: StoredResult }
  | { readonly kind: 'failed'; readonly spend: Micros; readonly error: string }
  | { readonly kind: 'not-started'; readonly why: string }
  | { readonly kind: 'unknown'; readonly spend: Micros; readonly error: string };
export type OutcomeKind = Outcome['kind'];

/**
 * Where a call stands:
 * - `asked`: no attempt has begun.
 * - `claimed`: an attempt is under way until it settles; nobody else may claim before `leaseUntil`.
 * - `succeeded`: final; asked again, it answers with its result.
 * - `failed`, `not-started`: may run again on the same grant.
 * - `unknown`: not idempotent and nobody knows; only a person moves it on.
 * - `refused`: the last verdict was a denial; asked again, it is judged afresh.
 * - `withdrawn`: the workflow stopped waiting before anything began; asked again, it is judged afresh.
 */
export type CallState =
  | { readonly kind: 'asked' }
  | { readonly kind: 'claimed'; readonly token: Token; readonly leaseUntil: Instant; readonly reserved: Micros }
  | { readonly kind: 'succeeded'; readonly result: StoredResult | null }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'not-started' }
  | { readonly kind: 'unknown'; readonly error: string }
  | { readonly kind: 'refused'; readonly denial: Denial }
  | { readonly kind: 'withdrawn' };

/** What the ledger holds under one (run, step key). */
export interface Call {
  readonly key: StepKey;
  readonly action: ActionName;
  /** SHA-256 of action and canonical input as the workflow sent it, before facts and edits. */
  readonly argsDigest: Digest;
  /** SHA-256 of action, input (edits merged) and facts: what an approval binds. */
  readonly digest: Digest;
  readonly idempotent: boolean;
  readonly attempts: number;
  /** When the newest attempt was claimed; null = none was. */
  readonly claimedAt: Instant | null;
  /** The hold whose grant this call has used; a grant is used by one call. */
  readonly grant: HoldId | null;
  /** Sum over settled attempts. */
  readonly spend: Micros;
  readonly state: CallState;
  /** The hold whose answer the workflow waits for, whatever the state; null = it does not wait. */
  readonly waitingFor: HoldId | null;
}

/** One question to the gate's ledger. */
export interface CallRequest {
  readonly key: StepKey;
  readonly action: ActionName;
  readonly execution: ExecutionRef;
  readonly token: Token;
  readonly argsDigest: Digest;
  readonly digest: Digest;
  readonly input: CanonicalText;
  readonly facts: CanonicalText | null;
  readonly idempotent: boolean;
  /** The most that one attempt can cost. */
  readonly worst: Micros;
  readonly ruling: PolicyRuling;
  /** What people would see if this call is held. */
  readonly shown: Shown;
  /** Set when `input` has an approver's changes merged in: the hold and version they came from. */
  readonly edit: { readonly hold: HoldId; readonly version: number } | null;
  /** Identifier for the hold that this question may open; drawn by the caller, since core has no randomness. */
  readonly freshHold: HoldId;
  /** How long the claim holds without a heartbeat. */
  readonly lease: Millis;
}

/** What an approver sees, frozen into the hold by the gate. */
export interface Shown {
  readonly title: string;
  /** The exact arguments and facts in order; `value` is text for people, secrets as their references. */
  readonly fields: readonly { readonly name: string; readonly value: string }[];
  /** Supporting material from `resolve`: commits, a difference, a link. */
  readonly evidence: readonly { readonly title: string; readonly text: string }[];
}
