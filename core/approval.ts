import { canonical } from './canonical.ts';
import type { Judgement } from './decide.ts';
import type { Hold } from './hold.ts';
import type { Denial, DenialCode, Requirement } from './policy-ruling.ts';
import type { Decided, Facts } from './verdict.ts';

/**
 * The call's newest approval against what the policies ask now. A grant passes one call, with exactly
 * the arguments and facts that it binds, before its `use by`, and only while its policies ask the same.
 */
export function judgeApproval(facts: Facts): Judgement {
  const { request, now } = facts;
  if (request.ruling.kind === 'deny') throw new RangeError('A denied call has no approval to judge.');
  const demands = request.ruling.kind === 'requires' ? request.ruling.requires : [];
  const hold = facts.holds.find((one) => one.kind === 'approval' && one.key === request.key);
  if (hold === undefined) return fresh(facts, demands, []);

  if (!binds(hold, facts)) return fresh(facts, demands, ended(hold, now, 'the arguments or facts changed'));
  switch (hold.state.kind) {
    case 'open':
      if (hold.decideBy !== null && now > hold.decideBy) {
        const closes = [{ hold: hold.id, state: { kind: 'expired', at: hold.decideBy } as const }];
        return { kind: 'deny', denial: expired(hold), closes };
      }
      if (demands.length > 0 && !sameDemands(hold.requires, demands)) return fresh(facts, demands, ended(hold, now, 'its policies ask something else now'));
      return { kind: 'hold', hold, closes: [] };
    case 'denied': {
      const { by, note } = hold.state;
      return { kind: 'deny', closes: [], denial: refusal('approval_denied', hold, by, `${by} denied it${note === null ? '' : `: ${note}`}`) };
    }
    case 'expired':
      return { kind: 'deny', closes: [], denial: expired(hold) };
    case 'withdrawn':
      return fresh(facts, demands, []);
    case 'granted':
      return judgeGrant(facts, hold, demands);
  }
}

function judgeGrant(facts: Facts, hold: Hold, demands: readonly Requirement[]): Judgement {
  const { request, now } = facts;
  if (hold.state.kind !== 'granted') throw new RangeError('Not a grant.');
  if (hold.state.useBy !== null && now > hold.state.useBy) return fresh(facts, demands, ended(hold, now, 'the approval was not used in time'));
  if (hold.edit !== null && request.edit === null) {
    const { version, changes, by } = hold.edit;
    return { kind: 'verdict', verdict: { kind: 'edited', hold: hold.id, version, changes, by } };
  }
  const covered = hold.edit === null ? sameDemands(hold.requires, demands) : covers(hold.requires, demands);
  if (demands.length > 0 && !covered) {
    if (hold.edit === null) return fresh(facts, demands, ended(hold, now, 'its policies ask something else now'));
    const message = 'The changed arguments need approvals that were not given.';
    return { kind: 'deny', denial: { code: 'policy_forbids', message, policies: demands.map((one) => one.policy), by: null, askAgain: false }, closes: [] };
  }
  return { kind: 'pass', closes: [], grant: hold, lost: false };
}

/** An edit is bound by the hold and version that it came from; its first claim is bound by the original digest. */
function binds(hold: Hold, facts: Facts): boolean {
  const { request } = facts;
  if (request.edit !== null) return request.edit.hold === hold.id && request.edit.version === hold.edit?.version;
  return hold.digest === request.digest;
}

function fresh(facts: Facts, demands: readonly Requirement[], closes: Decided['closes']): Judgement {
  const { request, run, now } = facts;
  if (demands.length === 0) return { kind: 'pass', closes, grant: null, lost: false };
  const hold: Hold = {
    id: request.freshHold, run: run.id, key: request.key, kind: 'approval', state: { kind: 'open' }, version: 1, digest: request.digest,
    reason: demands.map((demand) => demand.reason).join('; '), requires: demands, policySet: request.ruling.policySet, shown: request.shown,
    openedAt: now, decideBy: now + Math.min(...demands.map((demand) => demand.deadline)), edit: null, result: null,
  };
  return { kind: 'hold', hold, closes };
}

function ended(hold: Hold, now: number, why: string): Decided['closes'] {
  return hold.state.kind === 'open' || hold.state.kind === 'granted' ? [{ hold: hold.id, state: { kind: 'withdrawn', at: now, why } }] : [];
}

function sameDemands(a: readonly Requirement[], b: readonly Requirement[]): boolean {
  return a.length === b.length && covers(a, b);
}

function covers(given: readonly Requirement[], asked: readonly Requirement[]): boolean {
  const texts = new Set(given.map((one) => canonical(one)));
  return asked.every((one) => texts.has(canonical(one)));
}

function expired(hold: Hold): Denial {
  return refusal('approval_expired', hold, null, 'nobody decided in time; no person refused it');
}

function refusal(code: DenialCode, hold: Hold, by: string | null, why: string): Denial {
  return { code, message: `The call needed an approval and ${why}.`, policies: hold.requires.map((one) => one.policy), by, askAgain: false };
}
