import type { AuditEntry } from './audit.ts';
import type { StoredResult } from './call.ts';
import { HOLD_RULES } from './hold.ts';
import type { Choice, Hold, HoldState, Raise, Vote } from './hold.ts';
import type { CanonicalText, Instant, Json, Principal } from './names.ts';
import type { Requirement } from './policy-ruling.ts';
import type { RefusalKind } from './refusal.ts';
import type { HoldFacts, Ruling } from './ruling.ts';

/** A person's word on a hold, as it arrived; machines never get this far. */
export interface DecisionAsk {
  readonly person: Principal;
  /** Who belongs to each group at this moment. */
  readonly groups: Readonly<Record<string, readonly Principal[]>>;
  readonly choice: Choice;
  /** The version of the hold that the person was looking at. */
  readonly seenVersion: number;
  readonly note: string | null;
  readonly raise: Raise | null;
  /** Changed top-level input fields, already checked against manifest and policy. */
  readonly edit: CanonicalText | null;
  /** The result that the person vouches for, with `succeeded`. */
  readonly result: StoredResult | null;
}

/**
 * Whether this person may decide this hold now, and what becomes of it: state, version, clock,
 * eligibility, separation of duties and quorum, all at this moment. The first decision wins.
 */
export function ruleDecision(facts: HoldFacts, ask: DecisionAsk): Ruling {
  const expired = expireHold(facts.hold, facts.now);
  if (expired !== null) {
    const refusal = {
      kind: 'conflict',
      code: 'hold_expired',
      message: 'The time to decide this hold has passed.',
      hint: 'The call was refused; start the step again to be asked again.',
    } as const;
    return { kind: 'refused', refusal, hold: expired, audit: [{ kind: 'hold.expired', body: { hold: facts.hold.id } }] };
  }
  return refuse(facts, ask) ?? accept(facts, ask);
}

/** The hold after its deadline, or null while it may still be decided, or is closed. */
export function expireHold(hold: Hold, now: Instant): Hold | null {
  if (hold.state.kind !== 'open' || hold.decideBy === null || now <= hold.decideBy) return null;
  return { ...hold, state: { kind: 'expired', at: hold.decideBy } };
}

type Decider = Pick<Requirement, 'approvers' | 'quorum' | 'unknownRequester'>;
type Groups = DecisionAsk['groups'];

/** The groups whose members may decide a hold, and how many of each must agree. */
export function deciders(hold: Hold): readonly Decider[] {
  return hold.requires.length > 0 ? hold.requires : [{ approvers: HOLD_RULES[hold.kind].deciders, quorum: 1 }];
}

/** The group; where an unknown requester asks for more than it has, the operators as well. */
function membersFor({ approvers, quorum, unknownRequester }: Decider, groups: Groups): readonly Principal[] {
  const members = groups[approvers] ?? [];
  if (unknownRequester !== true || members.length >= quorum) return members;
  return [...new Set([...members, ...(groups['operators'] ?? [])])];
}

/** Never below what the policy itself asks for. */
function quorumOf(decider: Decider, groups: Groups): number {
  const { quorum, unknownRequester } = decider;
  return unknownRequester === true ? Math.max(quorum - 1, Math.min(quorum, membersFor(decider, groups).length)) : quorum;
}

function refuse(facts: HoldFacts, ask: DecisionAsk): Ruling | null {
  const { hold, run, votes } = facts;
  if (run.fencedAt !== null) return no('conflict', 'run_killed', `Run ${run.id} was killed.`, 'Nothing of it can be decided any more.');
  if (run.closed !== null)
    return no('conflict', 'run_closed', `Run ${run.id} has ended: ${run.closed}.`, 'Nothing of it can be decided any more.');
  if (hold.state.kind !== 'open')
    return no('conflict', 'hold_closed', `This hold is ${describe(hold.state)}.`, 'The first decision stands.');
  if (ask.seenVersion !== hold.version) {
    return no(
      'conflict',
      'hold_changed',
      `This hold is at version ${hold.version}; the decision was for version ${ask.seenVersion}.`,
      'Look at it again, then decide.',
    );
  }
  if (run.requesters.includes(ask.person)) {
    return no('refused', 'requester_decides', `${ask.person} asked for run ${run.id} and cannot decide its holds.`, 'Somebody else must.');
  }
  const asked = deciders(hold);
  if (!asked.some((decider) => membersFor(decider, ask.groups).includes(ask.person))) {
    const groups = asked.map(({ approvers }) => approvers).join(', ');
    return no('refused', 'not_eligible', `${ask.person} is not a member of ${groups}.`, `Ask a member of ${groups} to decide.`);
  }
  if (votes.some((vote) => vote.version === hold.version && vote.person === ask.person)) {
    return no('conflict', 'already_voted', `${ask.person} has decided this version already; a person counts once.`, 'Others must agree.');
  }
  return refuseChoice(facts, ask);
}

function refuseChoice({ hold, run, evidence }: HoldFacts, ask: DecisionAsk): Ruling | null {
  const rules = HOLD_RULES[hold.kind];
  if (!rules.choices.includes(ask.choice)) {
    return no(
      'invalid',
      'choice_unknown',
      `"${ask.choice}" is not a choice of a hold of kind ${hold.kind}.`,
      `Choose one of ${rules.choices.join(', ')}.`,
    );
  }
  if ((ask.choice === 'deny' || ask.choice === 'kill' || ask.choice === 'refuse') && (ask.note ?? '').trim() === '') {
    return no('invalid', 'note_required', `"${ask.choice}" needs a note: the agent and the record are told why.`, 'Say why with --note.');
  }
  if (
    (ask.edit !== null && ask.choice !== 'approve') ||
    (ask.raise !== null && ask.choice !== 'raise') ||
    (ask.result !== null && ask.choice !== 'succeeded')
  ) {
    return no(
      'invalid',
      'choice_mismatch',
      `"${ask.choice}" takes no ${ask.edit !== null ? 'edit' : ask.raise !== null ? 'raise' : 'result'}.`,
      'Leave it out.',
    );
  }
  if (ask.choice === 'raise') {
    const amounts = Object.entries(ask.raise ?? {}) as [keyof Raise, number][];
    // The sum too: a limit beyond the safe integers could not be read back, and the run never be asked about again.
    const fits = ([limit, amount]: [keyof Raise, number]) =>
      Number.isSafeInteger(amount) && amount >= 1 && Number.isSafeInteger(run.limits[limit] + amount);
    if (amounts.length === 0 || !amounts.every(fits)) {
      const got = JSON.stringify(ask.raise ?? {});
      return no(
        'invalid',
        'raise_invalid',
        `"raise" needs at least one amount, each a whole number of at least 1, and no limit beyond 2^53 − 1; got ${got}.`,
        'Name the limit: --steps, --spend, --time, --identical or --failures.',
      );
    }
  }
  if (ask.choice === 'succeeded' && ask.result === null && evidence === null) {
    return no(
      'invalid',
      'result_required',
      'The workflow waits for a result, and none is known.',
      "Give the action's output with --result, null included.",
    );
  }
  return null;
}

function accept(facts: HoldFacts, ask: DecisionAsk): Ruling {
  const { hold, now } = facts;
  const version = ask.edit === null ? hold.version : hold.version + 1;
  const vote: Vote = { person: ask.person, version, choice: ask.choice, at: now };
  const edited: Hold = ask.edit === null ? hold : { ...hold, version, edit: { version, changes: ask.edit, by: ask.person } };
  const eligible = (person: Principal) => deciders(hold).some((decider) => membersFor(decider, ask.groups).includes(person));
  const agreeing = facts.votes.filter((one) => one.version === version && one.choice === ask.choice).map((one) => one.person);
  const by = [...agreeing.filter(eligible), ask.person];
  const state = nextState(facts, ask, by);
  const result = ask.choice === 'succeeded' ? (ask.result ?? facts.evidence) : null;
  return {
    kind: 'accepted',
    hold: { ...edited, state, result },
    vote,
    raise: ask.raise,
    kill: ask.choice === 'kill' ? (ask.note ?? '') : null,
    result,
    agent: ask.choice === 'admit' ? 'admitted' : ask.choice === 'refuse' ? 'refused' : null,
    audit: [entry(hold, ask, version, state)],
  };
}

function nextState(facts: HoldFacts, ask: DecisionAsk, by: readonly Principal[]): HoldState {
  const { hold, now } = facts;
  if (!HOLD_RULES[hold.kind].grants.includes(ask.choice))
    return { kind: 'denied', by: ask.person, at: now, choice: ask.choice, note: ask.note };
  const agreed = deciders(hold).every((decider) => {
    const members = membersFor(decider, ask.groups);
    return by.filter((person) => members.includes(person)).length >= quorumOf(decider, ask.groups);
  });
  if (!agreed) return { kind: 'open' };
  const valid = hold.requires.map((requirement) => requirement.valid);
  return { kind: 'granted', by, at: now, choice: ask.choice, useBy: valid.length === 0 ? null : now + Math.min(...valid), note: ask.note };
}

function entry(hold: Hold, ask: DecisionAsk, version: number, state: HoldState): AuditEntry {
  const body: { [key: string]: Json } = {
    hold: hold.id,
    holdKind: hold.kind,
    key: hold.key,
    digest: hold.digest,
    by: ask.person,
    choice: ask.choice,
    version,
    note: ask.note,
  };
  if (ask.edit !== null) body['edit'] = ask.edit;
  if (ask.raise !== null) body['raise'] = { ...ask.raise };
  return { kind: state.kind === 'open' ? 'hold.voted' : `hold.${state.kind}`, body };
}

function describe(state: HoldState): string {
  switch (state.kind) {
    case 'granted':
      return `granted already (${state.choice}) by ${state.by.join(', ')}`;
    case 'denied':
      return `denied already (${state.choice}) by ${state.by}`;
    case 'withdrawn':
      return `withdrawn: ${state.why}`;
    default:
      return state.kind;
  }
}

function no(kind: RefusalKind, code: string, message: string, hint: string): Ruling {
  return { kind: 'refused', refusal: { kind, code, message, hint }, hold: null, audit: [] };
}
