import type { Call, CallRequest, Outcome, StoredResult } from './call.ts';
import { decide } from './decide.ts';
import type { Hold, HoldState, Raise, Vote } from './hold.ts';
import { clockAfter } from './limits/index.ts';
import type { HoldId, Instant, Micros, Millis, StepKey, Token } from './names.ts';
import { expireHold, ruleDecision } from './rule-decision.ts';
import type { DecisionAsk } from './rule-decision.ts';
import type { Ruling } from './ruling.ts';
import type { Run, RunClosed } from './run.ts';
import { START } from './sample.fixture.ts';
import type { Decided, Facts, Unfolded, Verdict } from './verdict.ts';

/** What a constraint of the real ledger would refuse: always a bug of the decision. */
class ConstraintBroken extends Error {
  override readonly name = 'ConstraintBroken';
}

/** The ledger's rules for one run, in memory and one verb at a time: it writes what was decided and decides nothing. */
export class ModelLedger {
  now: Instant = START;
  run: Run;
  readonly calls = new Map<StepKey, Call>();
  /** The token of each call's row; it outlives the settling. */
  readonly #tokens = new Map<StepKey, Token | null>();
  readonly holds = new Map<HoldId, Hold>();
  readonly votes = new Map<HoldId, readonly Vote[]>();
  readonly #evidence = new Map<HoldId, StoredResult>();
  readonly audit: Decided['audit'][number][] = [];
  #unfolded: readonly Unfolded[] = [];

  constructor(run: Run) {
    this.run = run;
  }

  /** As the real statement reads them: holds newest first; a tie of instants is broken by nothing that tells of time. */
  facts(request: CallRequest): Facts {
    const concerned = [...this.holds.values()].filter(
      (hold) => hold.key === request.key || (hold.key === null && hold.state.kind === 'open'),
    );
    const alike = [...this.calls.values()].filter((call) => call.argsDigest === request.argsDigest && call.key !== request.key);
    return {
      now: this.now,
      run: this.run,
      earlier: this.calls.get(request.key) ?? null,
      holds: concerned.toSorted((a, b) => b.openedAt - a.openedAt || (a.id < b.id ? 1 : -1)),
      identical: alike.length,
      agent: null,
      unfolded: this.#unfolded,
      request,
    };
  }

  claim(request: CallRequest): Verdict {
    const decided = decide(this.facts(request));
    const { verdict, call } = decided;
    for (const { hold, state } of decided.closes) this.#move(hold, state);
    // Asked again by the same token, the hold that it opened is met, and no call is written.
    if (call !== null && verdict.kind === 'hold' && verdict.hold.id === request.freshHold) this.#open(verdict.hold);
    if (call !== null) this.#write(decided, call);
    this.audit.push(...decided.audit);
    this.#check();
    return verdict;
  }

  settle(key: StepKey, token: Token, outcome: Outcome): 'settled' | 'already' | 'late' {
    const call = this.calls.get(key);
    if (call === undefined || this.#tokens.get(key) !== token) {
      const asked = [...this.holds.values()].find(
        (hold) => hold.key === key && hold.kind === 'unknown-outcome' && hold.state.kind === 'open',
      );
      if (asked !== undefined && outcome.kind === 'succeeded') this.#evidence.set(asked.id, outcome.result);
      return 'late';
    }
    const { state } = call;
    if (state.kind !== 'claimed') return 'already';
    const { used } = this.run;
    const cost = outcome.kind === 'not-started' ? 0 : outcome.spend;
    this.run = {
      ...this.run,
      used: {
        ...used,
        steps: used.steps - (outcome.kind === 'not-started' ? 1 : 0),
        reserved: (used.reserved - state.reserved) as Micros,
        settled: (used.settled + Math.min(cost, state.reserved)) as Micros,
        overrun: (used.overrun + Math.max(0, cost - state.reserved)) as Micros,
      },
    };
    this.calls.set(key, { ...call, spend: (call.spend + cost) as Micros, state: settled(outcome) });
    if (outcome.kind !== 'not-started') this.#unfolded = [...this.#unfolded, { kind: outcome.kind, at: this.now }];
    this.#check();
    return 'settled';
  }

  decide(id: HoldId, ask: DecisionAsk): Ruling {
    const hold = this.holds.get(id);
    if (hold === undefined) throw new RangeError(`No hold ${id}.`);
    const votes = this.votes.get(id) ?? [];
    const ruling = ruleDecision({ now: this.now, run: this.run, hold, votes, evidence: this.#evidence.get(id) ?? null }, ask);
    if (ruling.kind === 'accepted') {
      const { vote } = ruling;
      if (votes.some((one) => one.person === vote.person && one.version === vote.version)) throw new ConstraintBroken('one vote a person');
      this.votes.set(id, [...votes, vote]);
      if (ruling.raise !== null) this.raise(ruling.raise);
      if (ruling.kill !== null) this.fence();
    }
    if (ruling.hold !== null) {
      this.#move(id, ruling.hold.state);
      this.holds.set(id, ruling.hold);
    }
    this.#check();
    return ruling;
  }

  raise({ spend, ...rest }: Raise): void {
    const { limits, used } = this.run;
    this.run = {
      ...this.run,
      limits: {
        steps: limits.steps + (rest.steps ?? 0),
        spend: (limits.spend + (spend ?? 0)) as Micros,
        time: limits.time + (rest.time ?? 0),
        identical: limits.identical + (rest.identical ?? 0),
        failures: limits.failures + (rest.failures ?? 0),
      },
      used: spend === undefined ? used : { ...used, overrunAccepted: used.overrun },
    };
  }

  /** The workflow stopped waiting. */
  withdraw(key: StepKey): void {
    const call = this.calls.get(key);
    if (call === undefined) return;
    const unused = (hold: Hold) => hold.state.kind === 'granted' && hold.kind === 'approval' && call.grant !== hold.id;
    for (const hold of this.holds.values()) {
      if (hold.key === key && (hold.state.kind === 'open' || unused(hold)))
        this.#move(hold.id, { kind: 'withdrawn', at: this.now, why: 'nobody waits' });
    }
    this.calls.set(key, { ...call, state: call.state.kind === 'asked' ? { kind: 'withdrawn' } : call.state, waitingFor: null });
  }

  sweep(): void {
    for (const hold of this.holds.values()) {
      const expired = expireHold(hold, this.now);
      if (expired !== null) this.#move(hold.id, expired.state);
    }
  }

  fence(): void {
    this.run = { ...this.run, fencedAt: this.run.fencedAt ?? this.now };
  }

  close(closed: RunClosed): void {
    if (this.run.closed !== null) return;
    for (const hold of this.holds.values()) {
      if (hold.state.kind === 'open') this.#move(hold.id, { kind: 'withdrawn', at: this.now, why: 'the run ended' });
    }
    for (const [key, call] of this.calls) {
      const state = call.state.kind === 'asked' ? ({ kind: 'withdrawn' } as const) : call.state;
      this.calls.set(key, { ...call, state, waitingFor: null });
    }
    this.run = { ...this.run, closed };
  }

  advance(by: Millis): void {
    this.now += by;
  }

  #write({ verdict, meters }: Decided, call: Call): void {
    const earlier = this.calls.get(call.key)?.state;
    const before = earlier?.kind === 'claimed' ? earlier : null;
    const after = call.state.kind === 'claimed' ? call.state : null;
    // An attempt that never settled may have cost all that was reserved for it.
    const lost = before?.reserved ?? 0;
    const { used } = this.run;
    this.run = {
      ...this.run,
      closed: this.run.fencedAt === null ? null : this.run.closed,
      meters,
      used: {
        ...used,
        steps: used.steps + (verdict.kind === 'allow' ? 1 : 0),
        reserved: (used.reserved + (after?.reserved ?? 0) - lost) as Micros,
        settled: (used.settled + lost) as Micros,
      },
    };
    this.#unfolded = [];
    this.#tokens.set(call.key, after?.token ?? null);
    this.calls.set(call.key, { ...call, spend: (call.spend + lost) as Micros });
  }

  #open(hold: Hold): void {
    if (this.holds.has(hold.id)) throw new ConstraintBroken(`hold ${hold.id} is there already`);
    this.holds.set(hold.id, hold);
    this.#count();
  }

  #move(id: HoldId, state: HoldState): void {
    const hold = this.holds.get(id);
    if (hold === undefined) throw new ConstraintBroken(`no hold ${id}`);
    const from = hold.state.kind;
    if (from !== 'open' && !(from === 'granted' && state.kind === 'withdrawn'))
      throw new ConstraintBroken(`hold ${id} is ${from} and became ${state.kind}`);
    this.holds.set(id, { ...hold, state });
    this.#count();
  }

  #count(): void {
    const openHolds = [...this.holds.values()].filter((hold) => hold.state.kind === 'open').length;
    this.run = { ...this.run, openHolds, ...clockAfter(this.run, openHolds, this.now) };
  }

  #check(): void {
    const { used, limits, waited } = this.run;
    const open = [...this.holds.values()].filter((hold) => hold.state.kind === 'open').map((hold) => hold.key ?? hold.kind);
    const grants = [...this.calls.values()].map((call) => call.grant).filter((grant) => grant !== null);
    const amounts = [...Object.values(used), ...Object.values(limits), waited, ...[...this.calls.values()].map((call) => call.spend)];
    if (used.steps > limits.steps) throw new ConstraintBroken(`${used.steps} of ${limits.steps} steps`);
    if (used.settled + used.reserved > limits.spend) throw new ConstraintBroken(`${used.settled} + ${used.reserved} of ${limits.spend}`);
    if (new Set(open).size !== open.length) throw new ConstraintBroken(`two open holds: ${open.join(', ')}`);
    if (new Set(grants).size !== grants.length) throw new ConstraintBroken('a grant used by two calls');
    if (!amounts.every((amount) => Number.isSafeInteger(amount) && amount >= 0))
      throw new ConstraintBroken(`amounts ${amounts.join(', ')}`);
  }
}

function settled(outcome: Outcome): Call['state'] {
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'succeeded', result: outcome.result };
    case 'not-started':
      return { kind: 'not-started' };
    default:
      return { kind: outcome.kind, error: outcome.error };
  }
}
