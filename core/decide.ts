import { judgeApproval } from './approval.ts';
import { breakerHold } from './breaker.ts';
import type { Call, CallState, StoredResult } from './call.ts';
import { judgeEarlier } from './earlier-call.ts';
import type { Hold } from './hold.ts';
import { foldMeters, trips } from './limits/index.ts';
import type { Millis } from './names.ts';
import type { Denial } from './policy-ruling.ts';
import type { Decided, Facts, Verdict } from './verdict.ts';

/** How long a waiting call sleeps at most before it asks again unasked; wake-ups make it sooner. */
const ASK_AGAIN_AT_MOST: Millis = 3_600_000;
/** Added to a deadline, so that the question comes when the clock has surely passed it. */
const AFTER_DEADLINE: Millis = 20;

/**
 * What a judge of one concern says: a conclusion, or `pass` with the holds that it found to be over.
 * `counts` are refusals and losses that the meters must see at once.
 */
export type Judgement =
  | { readonly kind: 'pass'; readonly closes: Decided['closes']; readonly grant: Hold | null; readonly lost: boolean }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  /** `call` = the row goes on telling of the earlier call; absent = it tells of this one. */
  | { readonly kind: 'hold'; readonly hold: Hold; readonly closes: Decided['closes']; readonly call?: Call; readonly lost?: boolean }
  | { readonly kind: 'recorded'; readonly result: StoredResult | null; readonly closes: Decided['closes']; readonly call?: Call }
  | { readonly kind: 'deny'; readonly denial: Denial; readonly closes: Decided['closes']; readonly call?: Call };

/**
 * The verdict on one call: fence → earlier call under this key → denial → limits → requirements
 * against a granted hold → reserve. Pure; the same facts always give the same verdict.
 */
export function decide(facts: Facts): Decided {
  const { run, earlier, request } = facts;
  if (run.fencedAt !== null || run.closed === 'killed') return untouched(facts, { kind: 'fenced' });
  if (earlier?.state.kind === 'claimed' && earlier.state.token === request.token) {
    return untouched(facts, { kind: 'allow', reserve: earlier.state.reserved, grant: earlier.grant });
  }

  const before = judgeEarlier(facts);
  if (before.kind !== 'pass') return conclude(facts, before);

  if (request.ruling.kind === 'deny') {
    const closes = [...before.closes, ...endedBy(facts, 'the policies refuse the call now')];
    return conclude(facts, { kind: 'deny', denial: request.ruling.denial, closes }, before.lost);
  }

  const standing = facts.holds.find((hold) => hold.key === null && hold.state.kind === 'open');
  if (standing) return conclude(facts, { kind: 'hold', hold: standing, closes: before.closes }, before.lost);
  const tripped = trips(facts, metersOf(facts, before.lost));
  if (tripped.length > 0) {
    return conclude(facts, { kind: 'hold', hold: breakerHold(facts, tripped), closes: before.closes }, before.lost);
  }

  const approval = judgeApproval(facts);
  if (approval.kind !== 'pass') return conclude(facts, withCloses(approval, before.closes), before.lost);
  return allow(facts, [...before.closes, ...approval.closes], approval.grant, before.lost);
}

function allow(facts: Facts, closes: Decided['closes'], grant: Hold | null, lost: boolean): Decided {
  const { request, now } = facts;
  const state: CallState = { kind: 'claimed', token: request.token, leaseUntil: now + request.lease, reserved: request.worst };
  const call: Call = { ...nextCall(facts, state), attempts: (facts.earlier?.attempts ?? 0) + 1, claimedAt: now, grant: grant?.id ?? null };
  const { ruling } = request;
  return {
    verdict: { kind: 'allow', reserve: request.worst, grant: call.grant },
    meters: metersOf(facts, lost),
    call,
    closes,
    audit: [
      {
        kind: 'call.claimed',
        body: {
          key: request.key, action: request.action, digest: request.digest, attempt: call.attempts, reserve: request.worst, grant: call.grant,
          policySet: ruling.policySet, policies: ruling.kind === 'deny' ? [] : ruling.policies,
        },
      },
    ],
  };
}

function conclude(facts: Facts, judged: Exclude<Judgement, { kind: 'pass' }>, lost = false): Decided {
  switch (judged.kind) {
    case 'verdict':
      return untouched(facts, judged.verdict);
    case 'recorded':
      return {
        verdict: { kind: 'recorded', result: judged.result },
        meters: metersOf(facts, false),
        call: judged.call ? { ...judged.call, waitingFor: null } : nextCall(facts, { kind: 'succeeded', result: judged.result }),
        closes: judged.closes,
        audit: [{ kind: 'call.answered', body: { key: facts.request.key, action: facts.request.action, from: judged.call ? 'record' : 'decision' } }],
      };
    case 'deny':
      return deny(facts, judged, lost);
    case 'hold':
      return hold(facts, judged, lost || judged.lost === true);
  }
}

function deny(facts: Facts, judged: Judgement & { kind: 'deny' }, lost: boolean): Decided {
  const { request, now } = facts;
  const { denial, closes } = judged;
  const { key, action, digest, ruling } = request;
  return {
    verdict: { kind: 'deny', denial },
    meters: foldMeters(metersOf(facts, lost), [{ kind: 'refused', at: now }]),
    call: judged.call ? { ...judged.call, waitingFor: null } : nextCall(facts, { kind: 'refused', denial }),
    closes,
    audit: [
      {
        kind: 'call.refused',
        body: { key, action, digest, code: denial.code, message: denial.message, policies: denial.policies, by: denial.by, policySet: ruling.policySet },
      },
    ],
  };
}

function hold(facts: Facts, judged: Judgement & { kind: 'hold' }, lost: boolean): Decided {
  const { earlier, request, now } = facts;
  const verdict: Verdict = { kind: 'hold', hold: judged.hold, askAgainAfter: askAgainAfter(judged.hold, now) };
  if (earlier?.waitingFor === judged.hold.id && judged.closes.length === 0 && !lost) return untouched(facts, verdict);
  const opened = judged.hold.id === request.freshHold;
  return {
    verdict,
    meters: metersOf(facts, lost),
    call: { ...(judged.call ?? nextCall(facts, stateWhileHeld(earlier, lost))), waitingFor: judged.hold.id },
    closes: judged.closes,
    audit: [
      {
        kind: opened ? 'hold.opened' : 'call.waits',
        body: {
          key: request.key, action: request.action, digest: request.digest, hold: judged.hold.id, holdKind: judged.hold.kind,
          reason: judged.hold.reason, policies: judged.hold.requires.map((requirement) => requirement.policy), policySet: judged.hold.policySet,
        },
      },
    ],
  };
}

function stateWhileHeld(earlier: Call | null, lost: boolean): CallState {
  if (lost) return { kind: 'failed', error: 'the worker went away during the attempt' };
  const nothingBegan = earlier === null || earlier.state.kind === 'refused' || earlier.state.kind === 'withdrawn';
  return nothingBegan ? { kind: 'asked' } : earlier.state;
}

function askAgainAfter(waited: Hold, now: number): Millis {
  return waited.decideBy === null ? ASK_AGAIN_AT_MOST : Math.max(0, Math.min(ASK_AGAIN_AT_MOST, waited.decideBy - now + AFTER_DEADLINE));
}

function untouched(facts: Facts, verdict: Verdict): Decided {
  return { verdict, meters: facts.run.meters, call: null, closes: [], audit: [] };
}

/** The meters as they stand before this verdict. `lost` = an attempt was found dead, which no settle has told. */
function metersOf(facts: Facts, lost: boolean): Decided['meters'] {
  const lostAttempt = lost ? [{ kind: 'unknown' as const, at: facts.now }] : [];
  return foldMeters(facts.run.meters, [...facts.unfolded, ...lostAttempt]);
}

function nextCall(facts: Facts, state: CallState): Call {
  const { earlier, request } = facts;
  return {
    key: request.key,
    action: request.action,
    argsDigest: request.argsDigest,
    digest: request.digest,
    idempotent: request.idempotent,
    attempts: earlier?.attempts ?? 0,
    claimedAt: earlier?.claimedAt ?? null,
    grant: earlier?.grant ?? null,
    spend: earlier?.spend ?? (0 as Call['spend']),
    state,
    waitingFor: null,
  };
}

/** Ends every hold of this call that could still let it pass. */
function endedBy(facts: Facts, why: string): Decided['closes'] {
  return facts.holds
    .filter((hold) => hold.key === facts.request.key && (hold.state.kind === 'open' || (hold.state.kind === 'granted' && hold.id !== facts.earlier?.grant)))
    .map((hold) => ({ hold: hold.id, state: { kind: 'withdrawn', at: facts.now, why } }));
}

function withCloses<J extends Exclude<Judgement, { kind: 'pass' }>>(judged: J, closes: Decided['closes']): J {
  return 'closes' in judged ? { ...judged, closes: [...closes, ...judged.closes] } : judged;
}
