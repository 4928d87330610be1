import type { Call, CallRequest, Outcome } from './call.ts';
import { decide } from './decide.ts';
import { HOLD_RULES } from './hold.ts';
import type { Choice, Hold } from './hold.ts';
import { ModelLedger } from './model-ledger.fixture.ts';
import type { Digest, HoldId, StepKey } from './names.ts';
import type { PolicyRuling } from './policy-ruling.ts';
import { deciders } from './rule-decision.ts';
import type { Run } from './run.ts';
import { ALLOWED, decision, GROUPS, request, result } from './sample.fixture.ts';
import type { Asking } from './sample.fixture.ts';
import { isIdempotent, outcomeOf } from './story-step.fixture.ts';
import type { Step } from './story-step.fixture.ts';
import type { Facts, Verdict } from './verdict.ts';

interface Attempt {
  readonly request: CallRequest;
  /** When it was claimed, in steps of the story. */
  readonly begun: number;
}

/**
 * Plays a story against the model ledger, as gates, people and operators would, and holds each answer
 * against the promises by what this player itself has seen: never by asking the decision's own rules.
 */
export class RunStory {
  readonly ledger: ModelLedger;
  readonly seen: string[] = [];
  readonly #rulings = new Map<string, PolicyRuling>();
  readonly #facts = { sent: 'f1', edited: 'f1' };
  #step = 0;
  #failures = 0;
  #inFlight: Attempt[] = [];
  readonly #begun: Attempt[] = [];
  /** Attempts of actions that may not run twice, whose outcome nobody has told. */
  readonly #unaccounted = new Map<StepKey, Attempt>();
  /** When a person chose what, in steps of the story, newest last. */
  readonly #words: { readonly hold: Hold; readonly choice: Choice; readonly at: number }[] = [];
  /** What a grant's first attempt acted on. */
  readonly #usedFor = new Map<HoldId, { readonly key: StepKey; readonly digest: Digest }>();
  /** Calls of which a person said that they took no effect, until another call is asked under their key. */
  readonly #rejected = new Map<StepKey, Digest>();

  constructor(run: Run) {
    this.ledger = new ModelLedger(run);
  }

  play(step: Step): void {
    this.#step += 1;
    const { ledger } = this;
    switch (step.do) {
      case 'ask':
        return this.#ask(step, null);
      case 'settle': {
        const [attempt] = this.#inFlight.splice(step.which % Math.max(1, this.#inFlight.length), 1);
        return attempt === undefined ? undefined : this.#settle(attempt, step.as, step.spend);
      }
      case 'lose':
        return void this.#inFlight.splice(step.which % Math.max(1, this.#inFlight.length), 1);
      case 'settle-late': {
        const attempt = this.#begun[step.which % Math.max(1, this.#begun.length)];
        return attempt === undefined ? undefined : this.#settle(attempt, step.as, 0);
      }
      case 'decide':
        return this.#decide(step);
      case 'policy':
        return void this.#rulings.set(step.action, step.ruling);
      case 'facts':
        this.#facts[step.of] = step.facts;
        return;
      case 'advance':
        return ledger.advance(step.by);
      case 'withdraw':
        return ledger.withdraw(step.key as StepKey);
      case 'close':
        return ledger.close(step.as);
      case 'raise':
        return ledger.raise(step.raise);
      case 'sweep':
        return ledger.sweep();
      case 'kill':
        return ledger.fence();
    }
  }

  #ask(step: Step & { do: 'ask' }, edit: Asking['edit']): void {
    const { ledger } = this;
    const { action, args, worst } = step;
    const ruling = this.#rulings.get(action) ?? ALLOWED;
    const asked = request(step.key, {
      action,
      args,
      worst,
      edit: edit ?? null,
      facts: edit === null ? this.#facts.sent : this.#facts.edited,
      ruling,
      idempotent: isIdempotent(action),
    });
    const facts = ledger.facts(asked);
    const before = { ...facts, run: ledger.run };
    const first = JSON.stringify(decide(facts));
    must(first === JSON.stringify(decide(JSON.parse(JSON.stringify(facts)) as Facts)), 'the same facts gave two verdicts');
    const verdict = ledger.claim(asked);
    this.seen.push(
      verdict.kind === 'hold' ? `hold ${verdict.hold.kind}` : verdict.kind === 'deny' ? `deny ${verdict.denial.code}` : verdict.kind,
    );
    const lost = facts.earlier?.state.kind === 'claimed' && facts.earlier.state.leaseUntil <= facts.now && verdict.kind !== 'fenced';
    if (lost) this.#failures += 1;
    this.#check(asked, verdict, before.earlier, before.run, before.identical);
    if (verdict.kind === 'deny') this.#failures += 1;
    if (verdict.kind === 'allow') this.#begin(asked, verdict.grant);
    if (step.replyLost && verdict.kind !== 'deny')
      must(JSON.stringify(ledger.claim(asked)) === JSON.stringify(verdict), 'the same token got another answer');
    if (verdict.kind === 'edited') {
      must(edit === null, 'an edit is not asked for twice');
      this.#ask(step, verdict);
    }
  }

  #begin(asked: CallRequest, grant: HoldId | null): void {
    const attempt = { request: asked, begun: this.#step };
    this.#begun.push(attempt);
    this.#inFlight.push(attempt);
    this.#rejected.delete(asked.key);
    if (!asked.idempotent) this.#unaccounted.set(asked.key, attempt);
    else this.#unaccounted.delete(asked.key);
    if (grant !== null && !this.#usedFor.has(grant)) this.#usedFor.set(grant, { key: asked.key, digest: asked.digest });
  }

  #settle(attempt: Attempt, as: Outcome['kind'], spend: number): void {
    const { key, token, idempotent } = attempt.request;
    // The gate never says of such an action that it failed: it may have had an effect.
    const kind = as === 'failed' && !idempotent ? 'unknown' : as;
    const told = this.ledger.settle(key, token, outcomeOf(kind, spend, token));
    if (told !== 'settled') return;
    if (kind === 'succeeded') this.#failures = 0;
    else if (kind !== 'not-started') this.#failures += 1;
    if (kind === 'succeeded' || kind === 'not-started') this.#unaccounted.delete(key);
  }

  #decide(step: Step & { do: 'decide' }): void {
    const { ledger } = this;
    const all = [...ledger.holds.values()].toReversed();
    const open = all.filter((one) => one.state.kind === 'open');
    const among = open.length > 0 ? open : all;
    const hold = among[step.which % Math.max(1, among.length)];
    if (hold === undefined) return;
    const { person } = step;
    const fitting = HOLD_RULES[hold.kind].choices.filter((one) => one !== 'kill');
    const choice = typeof step.choice === 'string' ? step.choice : (fitting[step.choice % fitting.length] ?? 'approve');
    const ruling = ledger.decide(
      hold.id,
      decision({
        person,
        choice,
        seenVersion: step.stale ? hold.version - 1 : hold.version,
        note: 'because',
        raise: choice === 'raise' ? step.raise : null,
        edit: choice === 'approve' && step.edit ? (`{"tag":"${this.#step}"}` as never) : null,
        result: choice === 'succeeded' ? result(`by ${person}`) : null,
      }),
    );
    if (ruling.kind === 'refused') return;
    this.seen.push(`decide ${choice}`);
    must(hold.state.kind === 'open' && (hold.decideBy === null || ledger.now <= hold.decideBy), 'a closed or overdue hold was decided');
    must(!step.stale, 'a version was decided that nobody saw');
    must(
      ledger.run.requesters.every((requester) => requester !== person),
      'a requester decided',
    );
    must(
      deciders(hold).some(({ approvers }) => GROUPS[approvers]?.includes(person) === true),
      'somebody decided who may not',
    );
    const { state } = ruling.hold;
    if (state.kind === 'granted') {
      must(new Set(state.by).size === state.by.length, 'a person counted twice');
      for (const { approvers, quorum } of deciders(hold))
        must(state.by.filter((one) => GROUPS[approvers]?.includes(one)).length >= quorum, 'a grant without its quorum');
    }
    if (state.kind !== 'open') this.#words.push({ hold: ruling.hold, choice, at: this.#step });
    const unaccounted = hold.key === null ? undefined : this.#unaccounted.get(hold.key);
    if (choice === 'failed' && unaccounted !== undefined) {
      this.#rejected.set(unaccounted.request.key, unaccounted.request.argsDigest);
      this.#unaccounted.delete(unaccounted.request.key);
    }
  }

  #check(asked: CallRequest, verdict: Verdict, earlier: Call | null, run: Run, identical: number): void {
    const { ledger } = this;
    const row = ledger.calls.get(asked.key);
    const same = earlier !== null && earlier.argsDigest === asked.argsDigest;
    must(
      (run.fencedAt !== null || run.closed === 'killed') === (verdict.kind === 'fenced'),
      'a killed run was answered, or another was not',
    );
    if (verdict.kind === 'fenced') return;

    if (same && earlier.state.kind === 'succeeded') must(verdict.kind === 'recorded', `a success answered ${verdict.kind}`);
    if (same && this.#rejected.get(asked.key) === asked.argsDigest && earlier.state.kind !== 'claimed')
      must(verdict.kind === 'deny', 'a call that a person called failed ran on');
    else if (!same) this.#rejected.delete(asked.key);

    if (verdict.kind === 'hold') {
      const hold = ledger.holds.get(verdict.hold.id);
      must(hold?.state.kind === 'open' && row?.waitingFor === hold.id, 'somebody waits for what nobody will decide');
      if (verdict.hold.id === asked.freshHold && verdict.hold.kind === 'breaker') this.#checkTrip(asked, run, identical);
    }
    if (verdict.kind === 'allow' || verdict.kind === 'recorded' || verdict.kind === 'deny')
      must(row?.waitingFor === null, 'an answered call waits on');
    if (verdict.kind === 'allow') this.#checkAllowed(asked, verdict.grant, earlier, identical);
  }

  #checkAllowed(asked: CallRequest, grant: HoldId | null, earlier: Call | null, identical: number): void {
    const { ledger } = this;
    const { ruling } = asked;
    must(ruling.kind !== 'deny', 'a denied call was allowed');
    must(ruling.kind !== 'requires' || grant !== null, 'a call passed without the approval it needs');
    must(!(earlier?.state.kind === 'claimed' && earlier.state.leaseUntil > ledger.now), 'two attempts at once');
    must(!this.#tripped(asked, ledger.run, identical, true), 'a call passed a limit');
    if (grant !== null) this.#checkGrant(asked, grant);

    const unaccounted = this.#unaccounted.get(asked.key);
    if (unaccounted !== undefined)
      must(this.#said('run-again', asked, unaccounted.begun), 'an action that may not run twice did, and nobody said so');
    if (earlier?.state.kind === 'succeeded')
      must(this.#said('run-again', asked, this.#lastBegun(asked.key)), 'a call ran again after its success');
    const final = [...ledger.holds.values()].find(
      (hold) =>
        hold.key === asked.key &&
        hold.kind === 'approval' &&
        hold.digest === asked.digest &&
        (hold.state.kind === 'denied' || hold.state.kind === 'expired'),
    );
    must(asked.edit !== null || final === undefined, 'a call passed that was denied or had expired');
  }

  #checkGrant(asked: CallRequest, id: HoldId): void {
    const hold = this.ledger.holds.get(id);
    must(hold?.kind === 'approval' && hold.key === asked.key && hold.state.kind === 'granted', 'no grant');
    must(hold.state.useBy === null || this.ledger.now <= hold.state.useBy, 'a grant was used after its time');
    if (asked.edit === null) must(hold.edit === null && hold.digest === asked.digest, 'a grant passed what it does not bind');
    else must(asked.edit.hold === id && asked.edit.version === hold.edit?.version, 'a grant passed changes that it does not bind');
    const used = this.#usedFor.get(id);
    must(used === undefined || (used.key === asked.key && used.digest === asked.digest), 'a grant was used for something else');
    const demands = asked.ruling.kind === 'requires' ? asked.ruling.requires : [];
    const given = hold.requires.map((one) => JSON.stringify(one));
    must(
      demands.every((one) => given.includes(JSON.stringify(one))),
      'a grant passed demands that nobody met',
    );
    must(asked.edit !== null || demands.length === 0 || demands.length === given.length, 'a grant passed demands other than its own');
  }

  /** A person's word on this very call, since the attempt of that step. */
  #said(choice: Choice, { key, argsDigest }: CallRequest, since: number): boolean {
    return this.#words.some(
      ({ hold, choice: said, at }) =>
        said === choice && hold.key === key && at > since && (hold.kind === 'unknown-outcome' || hold.digest === argsDigest),
    );
  }

  #lastBegun(key: StepKey): number {
    return this.#begun.findLast((attempt) => attempt.request.key === key)?.begun ?? 0;
  }

  #checkTrip(asked: CallRequest, run: Run, identical: number): void {
    must(this.#tripped(asked, run, identical, false), 'the breaker tripped below every limit');
  }

  /** `counted` = the run's own counters hold this attempt already. */
  #tripped(asked: CallRequest, { used, limits, ...run }: Run, identical: number, counted: boolean): boolean {
    const more = counted || asked.ruling.kind === 'deny' ? 0 : 1;
    const waiting = run.waitingSince === null ? 0 : Math.max(0, this.ledger.now - run.waitingSince);
    const overrun = used.overrun - used.overrunAccepted;
    const money = overrun > 0 || used.settled + used.reserved + more * asked.worst > limits.spend;
    return (
      (asked.ruling.kind !== 'deny' && (used.steps + more > limits.steps || money)) ||
      this.ledger.now - run.startedAt - run.waited - waiting > limits.time ||
      identical >= limits.identical ||
      this.#failures >= limits.failures
    );
  }
}

function must(held: boolean, broken: string): asserts held {
  if (!held) throw new Error(broken);
}
