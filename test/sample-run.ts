import { createHash, randomBytes } from 'node:crypto';
import { canonical, completeLimits, decide } from '../core/index.ts';
import type {
  CallRequest,
  Digest,
  HoldFacts,
  HoldId,
  Micros,
  Outcome,
  Requirement,
  Ruling,
  RunId,
  RunLimits,
  StepKey,
  Verdict,
} from '../core/index.ts';
import { ruleDecision } from '../core/index.ts';
import type { DecisionAsk } from '../core/index.ts';
import { claim, createRun, settle } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';

export function drawId(kind: 'run' | 'hold'): string {
  return `${kind}-${randomBytes(16).toString('hex').slice(0, 26)}`;
}

/** A run of `release-bot` asked for by `person:ada`, in the ledger. */
export async function sampleRun(db: Database, limits: Partial<RunLimits> = {}, agent = 'release-bot'): Promise<RunId> {
  const id = drawId('run');
  await createRun(db, {
    id,
    agent,
    workflow: 'release',
    requesters: ['person:ada'],
    labels: { team: 'core' },
    limits: completeLimits(limits),
    workflowId: id,
    taskQueue: 'holdpoint',
    input: canonical({ tag: 'v1' }),
  });
  return id;
}

export const ONE_APPROVER: Requirement = {
  policy: 'release-tag',
  reason: 'A release tag',
  approvers: 'release-managers',
  quorum: 1,
  deadline: 3_600_000,
  valid: 3_600_000,
  severity: 'medium',
  edits: ['tag'],
};

/** One question for `git.push`; `input` tells calls apart. */
export function sampleRequest(key: string, changes: Partial<CallRequest> & { readonly args?: unknown } = {}): CallRequest {
  const { args = { key }, ...rest } = changes;
  const input = canonical(args);
  const digest = createHash('sha256').update(input).digest('hex') as Digest;
  return {
    key: key as StepKey,
    action: 'git.push',
    execution: { workflowId: 'w', runId: 'r' },
    token: randomBytes(8).toString('hex'),
    argsDigest: digest,
    digest,
    input,
    facts: null,
    idempotent: true,
    worst: 0 as Micros,
    ruling: { kind: 'allow', policies: ['p'], policySet: 'set' },
    shown: { title: 'v1 → origin', fields: [], evidence: [] },
    edit: null,
    freshHold: drawId('hold'),
    lease: 8_000,
    ...rest,
  };
}

/** A question that policy answers with "ask one release manager". */
export function heldRequest(key: string, changes: Partial<CallRequest> & { readonly args?: unknown } = {}): CallRequest {
  return sampleRequest(key, {
    ruling: { kind: 'requires', requires: [ONE_APPROVER], policies: ['release-tag'], policySet: 'set' },
    ...changes,
  });
}

/** As from a process of its own: within one, the verbs of a run take turns, and would never race. */
const elsewhere = (db: Database): Database => ({ ...db });

export async function ask(db: Database, run: RunId, request: CallRequest): Promise<Verdict> {
  const verdict = await claim(elsewhere(db), run, request, decide);
  if (verdict === null) throw new Error(`no run ${run}`);
  return verdict;
}

/** The hold that a question opened or met. */
export async function askHeld(db: Database, run: RunId, request: CallRequest): Promise<HoldId> {
  const verdict = await ask(db, run, request);
  if (verdict.kind !== 'hold') throw new Error(`expected a hold, got ${verdict.kind}`);
  return verdict.hold.id;
}

export async function tell(db: Database, run: RunId, request: CallRequest, outcome: Outcome): Promise<'settled' | 'already' | 'late'> {
  return await settle(elsewhere(db), run, request.key, request.token, outcome, {
    kind: `call.${outcome.kind}`,
    body: { key: request.key },
  });
}

export const succeeded = (spend = 0): Outcome => ({
  kind: 'succeeded',
  spend: spend as Micros,
  result: { kind: 'inline', payload: '"done"' },
});

/** What `person:grace`, a release manager and operator, says of a hold at version 1. */
export function says(changes: Partial<DecisionAsk> = {}): (facts: HoldFacts) => Ruling {
  const everyone = ['person:grace', 'person:linus', 'person:ada'];
  return (facts) =>
    ruleDecision(facts, {
      person: 'person:grace',
      groups: { 'release-managers': everyone, operators: everyone },
      choice: 'approve',
      seenVersion: 1,
      note: null,
      raise: null,
      edit: null,
      result: null,
      ...changes,
    });
}
