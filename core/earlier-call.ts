import type { Call } from './call.ts';
import { afterHolds, closing } from './closing.ts';
import type { Judgement } from './decide.ts';
import type { Hold, HoldKind } from './hold.ts';
import type { Decided, Facts } from './verdict.ts';

const PASS = { kind: 'pass', closes: [], grant: null } as const satisfies Judgement;
type Denied = Extract<Judgement, { kind: 'deny' }>;

/**
 * What the call that stands under this key already says. A success answers with its result; an attempt
 * under way is waited for; an attempt that nobody can account for runs again where the action is
 * idempotent, and is a question to a person where it is not.
 */
export function judgeEarlier(facts: Facts): Judgement {
  const { earlier, request } = facts;
  if (earlier === null) return PASS;
  if (earlier.state.kind === 'claimed' && earlier.state.leaseUntil > facts.now) return wait(facts, earlier.state.leaseUntil);
  if (earlier.argsDigest !== request.argsDigest || earlier.action !== request.action) return judgeDiverged(facts, earlier);
  switch (earlier.state.kind) {
    case 'succeeded':
      return recorded(facts, earlier);
    case 'claimed':
      return earlier.idempotent ? { ...PASS, lost: true } : judgeUnknown(facts, lostCall(earlier), true);
    case 'unknown':
      return judgeUnknown(facts, earlier, false);
    case 'refused':
      // A person has said how the attempt ended: the next one is another call, not this one once more.
      return earlier.state.denial.code === 'outcome_rejected' ? { kind: 'deny', denial: earlier.state.denial, closes: [] } : PASS;
    default:
      return PASS;
  }
}

function wait(facts: Facts, until: number): Judgement {
  return {
    kind: 'verdict',
    closes: [],
    verdict: { kind: 'later', after: until - facts.now + 1, reason: 'an earlier attempt of this call may still be running' },
  };
}

function lostCall(earlier: Call): Call {
  return { ...earlier, state: { kind: 'unknown', error: 'the worker went away during the attempt' } };
}

function judgeUnknown(facts: Facts, earlier: Call, lost: boolean): Judgement {
  const asked = sinceLastClaim(facts, 'unknown-outcome', earlier);
  if (asked === undefined || asked.state.kind === 'withdrawn') {
    const why = earlier.state.kind === 'unknown' ? earlier.state.error : 'its attempt never settled';
    const hold = question(facts, 'unknown-outcome', `Nobody knows whether ${earlier.action} took effect: ${why}.`);
    return { kind: 'hold', hold, closes: openOnes(facts, 'an attempt was lost'), call: earlier, lost };
  }
  if (asked.state.kind !== 'granted') return { kind: 'hold', hold: asked, closes: [], call: earlier };
  switch (asked.state.choice) {
    case 'succeeded':
      return { kind: 'recorded', result: asked.result, closes: [] };
    case 'run-again':
      return runAgain(facts, earlier);
    default:
      return rejected(facts, asked, `${earlier.action} did not take effect, as a person decided`);
  }
}

/** Another call under a key that is taken: where the first may have had an effect, only a person moves on. */
function judgeDiverged(facts: Facts, earlier: Call): Judgement {
  const { request } = facts;
  const { state } = earlier;
  if (state.kind !== 'succeeded' && state.kind !== 'unknown' && state.kind !== 'claimed') {
    return { ...PASS, closes: openOnes(facts, 'the call under this key changed') };
  }
  const lost = state.kind === 'claimed';
  const asked = sinceLastClaim(facts, 'diverged', earlier);
  if (asked === undefined || asked.state.kind === 'withdrawn' || asked.digest !== request.argsDigest) {
    const reason = `Step ${request.key} was ${earlier.action} and is now ${request.action} with other arguments: the workflow's code changed or is not deterministic.`;
    const hold: Hold = { ...question(facts, 'diverged', reason), digest: request.argsDigest };
    return {
      kind: 'hold',
      hold,
      closes: openOnes(facts, 'the call under this key changed'),
      call: lost ? lostCall(earlier) : earlier,
      lost,
    };
  }
  if (asked.state.kind === 'open') return { kind: 'hold', hold: asked, closes: [], call: earlier };
  if (asked.state.kind === 'granted' && asked.state.choice === 'run-again') return runAgain(facts, earlier);
  if (asked.state.kind === 'granted' && state.kind === 'succeeded') return recorded(facts, earlier);
  return { ...rejected(facts, asked, 'the step differs from the one recorded under its key'), call: earlier };
}

/** Nothing is written, unless the call waited for something: then it waits no more. */
function recorded(facts: Facts, earlier: Call): Judgement {
  const result = earlier.state.kind === 'succeeded' ? earlier.state.result : null;
  if (earlier.waitingFor === null)
    return { kind: 'verdict', verdict: { kind: 'recorded', result }, closes: openOnes(facts, 'the recorded result answers') };
  return { kind: 'recorded', result, closes: openOnes(facts, 'the recorded result answers'), call: earlier };
}

function rejected(facts: Facts, by: Hold, why: string): Denied {
  const decided = by.state.kind === 'granted' || by.state.kind === 'denied' ? by.state : null;
  const person = decided === null ? null : decided.kind === 'granted' ? (decided.by[0] ?? null) : decided.by;
  const note = decided?.note ?? null;
  return {
    kind: 'deny',
    denial: { code: 'outcome_rejected', message: `${why}${note === null ? '' : `: ${note}`}.`, policies: [], by: person, askAgain: false },
    closes: openOnes(facts, 'decided'),
  };
}

/** A person lets another attempt begin. Until it does the row tells of the earlier one; nothing else is asked about meanwhile. */
function runAgain(facts: Facts, earlier: Call): Judgement {
  const asked = facts.holds.filter((hold) => hold.kind !== 'approval');
  return { ...PASS, call: earlier, closes: openOnes({ ...facts, holds: asked }, 'a person lets the call run again') };
}

function openOnes(facts: Facts, why: string): Decided['closes'] {
  return facts.holds
    .filter((hold) => hold.key === facts.request.key && hold.state.kind === 'open')
    .flatMap((hold) => closing(hold, facts.now, why));
}

/** The newest hold of a kind that was opened after the last attempt was claimed; older ones speak of older attempts. */
function sinceLastClaim(facts: Facts, kind: HoldKind, earlier: Call): Hold | undefined {
  return facts.holds.find((hold) => hold.kind === kind && hold.key === facts.request.key && hold.openedAt >= (earlier.claimedAt ?? 0));
}

function question(facts: Facts, kind: HoldKind, reason: string): Hold {
  const { request, run } = facts;
  return {
    id: request.freshHold,
    run: run.id,
    key: request.key,
    kind,
    state: { kind: 'open' },
    version: 1,
    digest: request.digest,
    reason,
    requires: [],
    policySet: null,
    shown: request.shown,
    openedAt: afterHolds(facts),
    decideBy: null,
    edit: null,
    result: null,
  };
}
