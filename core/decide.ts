import { judgeAdmission } from './admission.ts';
import { judgeApproval } from './approval.ts';
import { breakerHold } from './breaker.ts';
import type { Call, CallState, StoredResult } from './call.ts';
import { afterHolds, closing } from './closing.ts';
import { judgeEarlier } from './earlier-call.ts';
import type { Hold } from './hold.ts';
import { foldMeters, trips } from './limits/index.ts';
import type { Millis } from './names.ts';
import { observedEntry, observedOf, wouldBe } from './observe.ts';
import type { Denial } from './policy-ruling.ts';
import type { Decided, Facts, Observed, Verdict } from './verdict.ts';

/** How long a waiting call sleeps at most before it asks again unasked; wake-ups make it sooner. */
const ASK_AGAIN_AT_MOST: Millis = 3_600_000;
/** Added to a deadline, so that the question comes when the clock has surely passed it. */
const AFTER_DEADLINE: Millis = 20;

/**
 * What a judge of one concern says: a conclusion, or `pass`. `closes` are the holds that it found to be over.
 * `call` = until an attempt begins, the row goes on telling of the earlier call; absent = it tells of this one.
 * `lost` = an attempt was found dead, which the meters must see at once.
 */
export type Judgement = { readonly closes: Decided['closes'] } & (
  | { readonly kind: 'pass'; readonly grant: Hold | null; readonly call?: Call; readonly lost?: boolean }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'hold'; readonly hold: Hold; readonly call?: Call; readonly lost?: boolean }
  | { readonly kind: 'recorded'; readonly result: StoredResult | null; readonly call?: Call }
  | { readonly kind: 'deny'; readonly denial: Denial; readonly call?: Call }
);
type Pass = Extract<Judgement, { kind: 'pass' }>;
type Conclusion = Exclude<Judgement, Pass>;

/**
 * The verdict on one call: fence → earlier call under this key → admission → limits and denial → requirements against
 * a granted hold → reserve. Pure; the same facts always give the same verdict. A run in observe passes all the same,
 * and what would have been is recorded.
 */
export function decide(facts: Facts): Decided {
  const { run, agent } = facts;
  if (run.mode === 'enforce') return enforce(facts);
  // Operators would be asked once about an agent; what is of interest is every call after that.
  const enforced = enforce({ ...facts, agent: agent ?? 'admitted' });
  const observed = observedOf(enforced.verdict);
  return observed === null ? enforced : allow(facts, [], null, false, observed);
}

function enforce(facts: Facts): Decided {
  const { run, earlier, request } = facts;
  if (run.fencedAt !== null || run.closed === 'killed') return untouched(facts, { kind: 'fenced' }, []);
  if (earlier?.state.kind === 'claimed' && earlier.state.token === request.token) {
    return untouched(facts, { kind: 'allow', reserve: earlier.state.reserved, grant: earlier.grant }, []);
  }

  const before = judgeEarlier(facts);
  if (before.kind !== 'pass') return conclude(facts, before);
  const judged = judgeNow(after(facts, before.closes), before.lost === true);
  const closes = [...before.closes, ...judged.closes];
  if (judged.kind === 'pass') return allow(facts, closes, judged.grant, before.lost === true);
  return conclude(facts, { ...(before.call && { call: before.call }), ...judged, closes }, before.lost);
}

/** What one judge has closed is over for the next: nothing is closed twice. */
function after(facts: Facts, closes: Decided['closes']): Facts {
  const ended = new Map(closes.map(({ hold, state }) => [hold, state]));
  return { ...facts, holds: facts.holds.map((hold) => ({ ...hold, state: ended.get(hold.id) ?? hold.state })) };
}

function judgeNow(facts: Facts, lost: boolean): Judgement {
  const admission = judgeAdmission(facts);
  if (admission.kind !== 'pass') return admission;
  const judged = judgeLimits(facts, lost);
  return { ...judged, closes: [...admission.closes, ...judged.closes] };
}

/** Limits come before a denial: an agent that catches the refusal and tries again for ever must be stopped. */
function judgeLimits(facts: Facts, lost: boolean): Judgement {
  const { ruling } = facts.request;
  const standing = facts.holds.find((hold) => hold.key === null && hold.kind !== 'admission' && hold.state.kind === 'open');
  if (standing) return { kind: 'hold', hold: standing, closes: [] };
  const tripped = trips(facts, metersOf(facts, lost));
  if (tripped.length > 0) return { kind: 'hold', hold: breakerHold(facts, tripped), closes: [] };
  if (ruling.kind === 'deny') return { kind: 'deny', denial: ruling.denial, closes: endedBy(facts, 'the policies refuse the call now') };
  return judgeApproval(facts, ruling.kind === 'requires' ? ruling.requires : []);
}

function allow(
  facts: Facts,
  closes: Decided['closes'],
  grant: Hold | null,
  lost: boolean,
  observed: Observed | null = wouldBe(facts.request.ruling),
): Decided {
  const { request, now } = facts;
  const state: CallState = { kind: 'claimed', token: request.token, leaseUntil: now + request.lease, reserved: request.worst };
  const call: Call = {
    ...nextCall(facts, state),
    attempts: (facts.earlier?.attempts ?? 0) + 1,
    claimedAt: afterHolds(facts),
    grant: grant?.id ?? null,
  };
  const { ruling } = request;
  return {
    verdict: { kind: 'allow', reserve: request.worst, grant: call.grant },
    meters: metersOf(facts, lost),
    call,
    observed,
    closes,
    audit: [
      {
        kind: 'call.claimed',
        body: {
          key: request.key,
          action: request.action,
          digest: request.digest,
          attempt: call.attempts,
          reserve: request.worst,
          grant: call.grant,
          policySet: ruling.policySet,
          policies: ruling.kind === 'deny' ? [] : ruling.policies,
        },
      },
      ...(observed === null ? [] : [observedEntry(facts, observed)]),
      ...closedEntries(closes),
    ],
  };
}

function conclude(facts: Facts, judged: Conclusion, lost = false): Decided {
  switch (judged.kind) {
    case 'verdict':
      return untouched(facts, judged.verdict, judged.closes);
    case 'recorded':
      return {
        verdict: { kind: 'recorded', result: judged.result },
        meters: metersOf(facts, false),
        call: judged.call ? { ...judged.call, waitingFor: null } : nextCall(facts, { kind: 'succeeded', result: judged.result }),
        observed: null,
        closes: judged.closes,
        audit: [
          {
            kind: 'call.answered',
            body: { key: facts.request.key, action: facts.request.action, from: judged.call ? 'record' : 'decision' },
          },
          ...closedEntries(judged.closes),
        ],
      };
    case 'deny':
      return deny(facts, judged, lost);
    case 'hold':
      return hold(facts, judged, lost || judged.lost === true);
  }
}

function deny(facts: Facts, judged: Extract<Judgement, { kind: 'deny' }>, lost: boolean): Decided {
  const { request, now } = facts;
  const { denial, closes } = judged;
  const { key, action, digest, ruling } = request;
  return {
    verdict: { kind: 'deny', denial },
    meters: foldMeters(metersOf(facts, lost), [{ kind: 'refused', at: now }]),
    call: judged.call ? { ...judged.call, waitingFor: null } : nextCall(facts, { kind: 'refused', denial }),
    observed: null,
    closes,
    audit: [
      {
        kind: 'call.refused',
        body: {
          key,
          action,
          digest,
          code: denial.code,
          message: denial.message,
          policies: denial.policies,
          by: denial.by,
          policySet: ruling.policySet,
        },
      },
      ...closedEntries(closes),
    ],
  };
}

function hold(facts: Facts, judged: Extract<Judgement, { kind: 'hold' }>, lost: boolean): Decided {
  const { earlier, request, now } = facts;
  const verdict: Verdict = { kind: 'hold', hold: judged.hold, askAgainAfter: askAgainAfter(judged.hold, now) };
  if (earlier?.waitingFor === judged.hold.id && judged.closes.length === 0 && !lost) return untouched(facts, verdict, []);
  const opened = judged.hold.id === request.freshHold;
  return {
    verdict,
    meters: metersOf(facts, lost),
    call: { ...(judged.call ?? nextCall(facts, stateWhileHeld(earlier, lost))), waitingFor: judged.hold.id },
    observed: null,
    closes: judged.closes,
    audit: [
      {
        kind: opened ? 'hold.opened' : 'call.waits',
        body: {
          key: request.key,
          action: request.action,
          digest: request.digest,
          hold: judged.hold.id,
          holdKind: judged.hold.kind,
          reason: judged.hold.reason,
          policies: judged.hold.requires.map((requirement) => requirement.policy),
          policySet: judged.hold.policySet,
        },
      },
      ...closedEntries(judged.closes),
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

function untouched(facts: Facts, verdict: Verdict, closes: Decided['closes']): Decided {
  return { verdict, meters: facts.run.meters, call: null, observed: null, closes, audit: closedEntries(closes) };
}

function closedEntries(closes: Decided['closes']): Decided['audit'] {
  return closes.map(({ hold, state }) => ({
    kind: `hold.${state.kind}`,
    body: { hold, why: state.kind === 'withdrawn' ? state.why : null },
  }));
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

/** Ends every approval of this call that could still let it pass; a person's word on an outcome stands. */
function endedBy(facts: Facts, why: string): Decided['closes'] {
  const { earlier, request } = facts;
  return facts.holds
    .filter(({ kind, key, id }) => kind === 'approval' && key === request.key && id !== earlier?.grant)
    .flatMap((hold) => closing(hold, facts.now, why));
}
