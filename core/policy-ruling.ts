import type { Millis } from './names.ts';

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One policy that asks for people: what `@hold` and its companions say. */
export interface Requirement {
  /** The policy's `@id`. */
  readonly policy: string;
  /** The text of `@hold`: why a person is asked. */
  readonly reason: string;
  /** `@approvers`: the group whose members may decide. */
  readonly approvers: string;
  /** `@quorum`: how many of them must approve; ≥ 1, default 1. */
  readonly quorum: number;
  /** `@deadline`: how long they may take, in milliseconds; default 4 h. */
  readonly deadline: Millis;
  /** `@valid`: how long the grant may be used once given, in milliseconds; default 1 h. */
  readonly valid: Millis;
  readonly severity: Severity;
  /** `@edits`: top-level input fields that approvers may change under this policy; empty = none. */
  readonly edits: readonly string[];
  /** One of the quorum stands for a requester whom nobody knows; it is asked for as far as there are people for it. */
  readonly unknownRequester?: true;
}

export const DENIAL_CODES = [
  'action_undeclared',
  'input_invalid',
  'secret_literal',
  'facts_unresolved',
  'policy_forbids',
  'policy_silent',
  'policy_error',
  'approval_denied',
  'approval_expired',
  'outcome_rejected',
  'run_unknown',
  'execution_mismatch',
  'not_read_only',
  'async_completion',
  'agent_refused',
  'agent_unknown',
  'invariant_broken',
] as const;
export type DenialCode = (typeof DENIAL_CODES)[number];

/** Why a call was refused, in words that an agent can act on. */
export interface Denial {
  readonly code: DenialCode;
  readonly message: string;
  /** Ids of the policies that decided; empty where none did. */
  readonly policies: readonly string[];
  /** The person who denied, where one did: `person:ada`. */
  readonly by: string | null;
  /** Whether asking again with the same arguments can ever succeed. */
  readonly askAgain: boolean;
}

/** What policies in observe would have added to a ruling, had they been in force. */
export interface WouldBe {
  readonly verdict: 'hold' | 'deny';
  readonly what: string;
  readonly reason: string;
  readonly policies: readonly string[];
  readonly asks: readonly string[];
}

/** What the policies say of one call. `policySet` is the hash of the set that ruled. */
export type PolicyRuling =
  | { readonly kind: 'allow'; readonly policies: readonly string[]; readonly policySet: string; readonly wouldBe?: WouldBe }
  | {
      readonly kind: 'requires';
      readonly requires: readonly Requirement[];
      readonly policies: readonly string[];
      readonly policySet: string;
    }
  | { readonly kind: 'deny'; readonly denial: Denial; readonly policySet: string };
