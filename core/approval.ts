import type { CallRequest } from './call.ts';
import { canonical } from './canonical.ts';
import { afterHolds, closing } from './closing.ts';
import type { Judgement } from './decide.ts';
import type { Hold } from './hold.ts';
import type { Denial, DenialCode, Requirement } from './policy-ruling.ts';
import { expireHold } from './rule-decision.ts';
import type { Decided, Facts } from './verdict.ts';

/**
 * The call's approvals against what the policies ask now. A grant passes one call, with exactly the
 * arguments and facts that it binds, before its `use by`, and only while its policies ask the same.
 * What was denied or expired stays so, however the arguments or facts went to and fro since.
 */
export function judgeApproval(facts: Facts, asked: readonly Requirement[]): Judgement {
  const { request, now } = facts;
  const demands = facts.run.requesters.length === 0 ? asked.map(withUnknownRequester) : asked;
  const approvals = facts.holds.filter((one) => one.kind === 'approval' && one.key === request.key);
  const [hold] = approvals;
  if (request.edit !== null) return judgeEdited(facts, request.edit, hold, demands);
  for (const one of approvals)
    if (one.digest === request.digest && isFinal(one)) return { kind: 'deny', denial: denialOf(one), closes: [] };
  if (hold === undefined) return fresh(facts, demands, []);
  if (hold.digest !== request.digest) return fresh(facts, demands, closing(hold, now, 'the arguments or facts changed'));
  switch (hold.state.kind) {
    case 'open':
      return judgeOpen(facts, hold, demands);
    case 'granted':
      return judgeGrant(facts, hold, demands);
    default:
      return fresh(facts, demands, []);
  }
}

/** Whoever asked could be any of the approvers, so that one more must agree. */
function withUnknownRequester(asked: Requirement): Requirement {
  return { ...asked, quorum: asked.quorum + 1, unknownRequester: true };
}

function judgeOpen(facts: Facts, hold: Hold, demands: readonly Requirement[]): Judgement {
  const expired = expireHold(hold, facts.now);
  if (expired !== null) return { kind: 'deny', denial: denialOf(expired), closes: [{ hold: hold.id, state: expired.state }] };
  if (demands.length > 0 && !sameDemands(hold.requires, demands)) {
    return fresh(facts, demands, closing(hold, facts.now, 'its policies ask something else now'));
  }
  return { kind: 'hold', hold, closes: [] };
}

function judgeGrant(facts: Facts, hold: Hold, demands: readonly Requirement[]): Judgement {
  const { now } = facts;
  if (isUsedUp(hold, now)) return fresh(facts, demands, closing(hold, now, 'the approval was not used in time'));
  if (hold.edit !== null) {
    const { version, changes, by } = hold.edit;
    return { kind: 'verdict', verdict: { kind: 'edited', hold: hold.id, version, changes, by }, closes: [] };
  }
  if (demands.length > 0 && !sameDemands(hold.requires, demands)) {
    return fresh(facts, demands, closing(hold, now, 'its policies ask something else now'));
  }
  return { kind: 'pass', closes: [], grant: hold };
}

/**
 * A call with an approver's changes merged in, against the grant that they came from; the claim without
 * them has just found that grant good for the arguments as sent. The first attempt binds what it acts on.
 */
function judgeEdited(
  facts: Facts,
  edit: NonNullable<CallRequest['edit']>,
  hold: Hold | undefined,
  demands: readonly Requirement[],
): Judgement {
  const { earlier, request, now } = facts;
  const good = hold?.state.kind === 'granted' && hold.id === edit.hold && hold.edit?.version === edit.version && !isUsedUp(hold, now);
  // Only the arguments as sent can open a hold that the next question meets again.
  if (!good) return againAsSent([]);
  if (earlier?.grant === hold.id && earlier.digest !== request.digest) {
    return againAsSent(closing(hold, now, 'what the changed call would act on is not what it was'));
  }
  if (!covers(hold.requires, demands)) {
    const message = 'The changed arguments need approvals that were not given.';
    return {
      kind: 'deny',
      denial: { code: 'policy_forbids', message, policies: demands.map((one) => one.policy), by: null, askAgain: false },
      closes: [],
    };
  }
  return { kind: 'pass', closes: [], grant: hold };
}

function againAsSent(closes: Decided['closes']): Judgement {
  return { kind: 'verdict', verdict: { kind: 'later', after: 1, reason: 'the changed arguments are no longer approved' }, closes };
}

function fresh(facts: Facts, demands: readonly Requirement[], closes: Decided['closes']): Judgement {
  const { request, run, now } = facts;
  if (demands.length === 0) return { kind: 'pass', closes, grant: null };
  const hold: Hold = {
    id: request.freshHold,
    run: run.id,
    key: request.key,
    kind: 'approval',
    state: { kind: 'open' },
    version: 1,
    digest: request.digest,
    reason: demands.map((demand) => demand.reason).join('; '),
    requires: demands,
    policySet: request.ruling.policySet,
    shown: request.shown,
    openedAt: afterHolds(facts),
    decideBy: now + Math.min(...demands.map((demand) => demand.deadline)),
    edit: null,
    result: null,
  };
  return { kind: 'hold', hold, closes };
}

function isFinal({ state }: Hold): boolean {
  return state.kind === 'denied' || state.kind === 'expired';
}

function isUsedUp({ state }: Hold, now: number): boolean {
  return state.kind === 'granted' && state.useBy !== null && now > state.useBy;
}

function sameDemands(a: readonly Requirement[], b: readonly Requirement[]): boolean {
  return a.length === b.length && covers(a, b);
}

function covers(given: readonly Requirement[], asked: readonly Requirement[]): boolean {
  const texts = new Set(given.map((one) => canonical(one)));
  return asked.every((one) => texts.has(canonical(one)));
}

function denialOf(hold: Hold): Denial {
  const { state } = hold;
  if (state.kind !== 'denied') return refusal('approval_expired', hold, null, 'nobody decided in time; no person refused it');
  return refusal('approval_denied', hold, state.by, `${state.by} denied it${state.note === null ? '' : `: ${state.note}`}`);
}

function refusal(code: DenialCode, hold: Hold, by: string | null, why: string): Denial {
  return {
    code,
    message: `The call needed an approval and ${why}.`,
    policies: hold.requires.map((one) => one.policy),
    by,
    askAgain: false,
  };
}
