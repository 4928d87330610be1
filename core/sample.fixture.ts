import { canonical } from './canonical.ts';
import type { CallRequest, StoredResult } from './call.ts';
import type { Digest, HoldId, Micros, Principal, StepKey } from './names.ts';
import type { Denial, PolicyRuling, Requirement } from './policy-ruling.ts';
import type { DecisionAsk } from './rule-decision.ts';
import type { Run, RunLimits } from './run.ts';

export const START = 1_000_000;
export const LEASE = 10_000;
export const HOUR = 3_600_000;

/** `req` asked for the run and belongs to every group; `mallory` belongs to none. */
export const GROUPS: Readonly<Record<string, readonly Principal[]>> = {
  managers: ['person:ada', 'person:bob', 'person:req'],
  security: ['person:bob', 'person:cy', 'person:req'],
  operators: ['person:ada', 'person:cy', 'person:req'],
};

export function requirement(rest: Partial<Requirement> = {}): Requirement {
  const base = {
    policy: 'release',
    reason: 'it goes to the shared remote',
    approvers: 'managers',
    quorum: 1,
    deadline: 4 * HOUR,
    valid: HOUR,
  };
  return { ...base, severity: 'medium', edits: ['tag'], ...rest };
}

export const ALLOWED: PolicyRuling = { kind: 'allow', policies: ['permit'], policySet: 'set' };
export const FORBIDDEN: Denial = { code: 'policy_forbids', message: 'No.', policies: ['never'], by: null, askAgain: false };
export const DENIED: PolicyRuling = { kind: 'deny', denial: FORBIDDEN, policySet: 'set' };

export function requires(...asked: readonly Partial<Requirement>[]): PolicyRuling {
  const all = asked.length === 0 ? [requirement()] : asked.map(requirement);
  return { kind: 'requires', requires: all, policies: all.map(({ policy }) => policy), policySet: 'set' };
}

/** What a gate would ask. Digests are readable texts here: equal where the hashes would be. */
export interface Asking {
  readonly action?: string;
  readonly args?: string;
  readonly facts?: string;
  readonly ruling?: PolicyRuling;
  readonly worst?: number;
  readonly idempotent?: boolean;
  readonly edit?: { readonly hold: HoldId; readonly version: number; readonly changes: string } | null;
}

let drawn = 0;

export function request(key: string, asking: Asking = {}): CallRequest {
  const { action = 'git.push', args = 'v1', facts = 'f1', ruling = ALLOWED, worst = 0, idempotent = false, edit = null } = asking;
  drawn += 1;
  const changed = edit === null ? args : `${args}*${edit.changes}`;
  return {
    key: key as StepKey,
    action,
    execution: { workflowId: 'run-1', runId: 'physical-1' },
    token: `token-${drawn}`,
    argsDigest: `${action}(${args})` as Digest,
    digest: `${action}(${changed})@${facts}` as Digest,
    input: canonical({ args: changed }),
    facts: canonical({ facts }),
    idempotent,
    worst: worst as Micros,
    ruling,
    shown: { title: `${action} ${changed}`, fields: [{ name: 'args', value: changed }], evidence: [] },
    edit: edit === null ? null : { hold: edit.hold, version: edit.version },
    freshHold: `hold-${drawn}`,
    lease: LEASE,
  };
}

export function sampleRun(limits: Partial<RunLimits> = {}): Run {
  return {
    id: 'run-1',
    agent: 'release-bot',
    workflow: 'release',
    mode: 'enforce',
    admission: null,
    requesters: ['person:req'],
    labels: {},
    startedAt: START,
    fencedAt: null,
    closed: null,
    limits: { steps: 100, spend: 5_000_000 as Micros, time: HOUR, identical: 5, failures: 5, ...limits },
    used: { steps: 0, settled: 0 as Micros, reserved: 0 as Micros, overrun: 0 as Micros, overrunAccepted: 0 as Micros },
    waited: 0,
    waitingSince: null,
    openHolds: 0,
    meters: { failures: 0 },
  };
}

export function decision(rest: Partial<DecisionAsk> = {}): DecisionAsk {
  const base = { person: 'person:ada', groups: GROUPS, choice: 'approve', seenVersion: 1 } as const;
  return { ...base, note: null, raise: null, edit: null, result: null, ...rest };
}

export function result(payload: string): StoredResult {
  return { kind: 'inline', payload };
}
