import { setTimeout as delay } from 'node:timers/promises';
import { BEGIN_WITHIN, decide, EDITED_KEY, LEASE } from '../../core/index.ts';
import type { ActionName, AuditEntry, CallRequest, Micros, Outcome, Token, Verdict } from '../../core/index.ts';
import { claim, LedgerError, renew, settle } from '../../ledger/index.ts';
import type { RegisteredAction } from '../registry.ts';
import { attemptEffect } from './effect.ts';
import type { ActivitySurroundings, Attempted } from './effect.ts';
import { deniedFailure, failedFailure, fencedFailure, heldFailure, laterFailure, retryFailure } from './failures.ts';
import { drawHoldId, drawToken } from './ids.ts';
import type { CallIdentity, GateParts } from './parts.ts';
import { prepare, resolveAgain } from './prepare.ts';
import type { MergedEdit, Prepared } from './prepare.ts';

/** How long a workflow sleeps when the ledger is away, in milliseconds. */
const LEDGER_AWAY = 2_000;
/** How long the outcome of an effect is offered to a ledger that is away, before the next attempt must ask a person. */
const SETTLE_FOR = 60_000;
/** How often in a row a call is prepared anew because its facts moved, before the workflow sleeps. */
const FRESH_STARTS = 5;
/** Attempts of an action that says nothing: more only where a second run changes nothing. */
const DEFAULT_ATTEMPTS = 3;

export interface GateCall {
  readonly who: CallIdentity;
  readonly action: ActionName;
  readonly args: readonly unknown[];
  /** 1 for the first execution of this scheduled activity. */
  readonly temporalAttempt: number;
  readonly surroundings: ActivitySurroundings;
  /** Calls the activity function, through inner interceptors. */
  readonly run: () => Promise<unknown>;
}

/** Once around: the question was answered (`returns`, or a throw), or must be put again with fresh facts. */
type Turn = { readonly kind: 'returns'; readonly value: unknown } | { readonly kind: 'again'; readonly edit: MergedEdit | null };

/**
 * One governed call, step by step: prepare, claim, effect, settle. Returns the action's result, or throws
 * one of the failures that the waiting room understands. Nothing happens before the claim is recorded.
 */
export async function passGate(parts: GateParts, call: GateCall): Promise<unknown> {
  let edit: MergedEdit | null = null;
  for (let turn = 0; turn < FRESH_STARTS; turn += 1) {
    const done: Turn = await ask(parts, call, edit);
    if (done.kind === 'returns') return done.value;
    edit = done.edit;
  }
  throw laterFailure(1_000, 'what the call would act on keeps changing');
}

async function ask(parts: GateParts, call: GateCall, edit: MergedEdit | null): Promise<Turn> {
  const prepared = await prepare(parts, call.who, call.action, call.args, edit);
  const request: CallRequest = { ...prepared.request, token: drawToken(), freshHold: drawHoldId() };
  const { verdict, decidedAt } = await claimOrLater(parts, call.who, request);
  switch (verdict.kind) {
    case 'allow':
      return attempt(parts, call, prepared, { request, decidedAt, reserve: verdict.reserve, edit });
    case 'recorded':
      return { kind: 'returns', value: await parts.results.load(verdict.result) };
    case 'edited':
      return { kind: 'again', edit: verdict };
    case 'hold':
      throw heldFailure(verdict.hold, verdict.askAgainAfter);
    case 'deny':
      throw deniedFailure(verdict.denial);
    case 'later':
      throw laterFailure(verdict.after, verdict.reason);
    case 'fenced':
      throw fencedFailure();
  }
}

interface Claimed {
  readonly request: CallRequest;
  /** Monotonic, in milliseconds: just before the claim was written. */
  readonly decidedAt: number;
  readonly reserve: Micros;
  readonly edit: MergedEdit | null;
}

async function attempt(parts: GateParts, call: GateCall, prepared: Prepared, claimed: Claimed): Promise<Turn> {
  const { request, edit } = claimed;
  const registered = parts.actions.get(call.action);
  if (registered === undefined || prepared.effect === null) throw new RangeError('An undeclared call was allowed.');
  const hindrance = await mayBegin(parts, call, registered, prepared, claimed);
  if (hindrance !== null) {
    await settleAttempt(parts, call, request, { kind: 'not-started', why: hindrance });
    call.surroundings.cancellation.throwIfAborted();
    return { kind: 'again', edit: null };
  }
  const { input, facts } = prepared.effect;
  const { who, surroundings } = call;
  const ended = await attemptEffect(parts, { who, token: request.token, registered, input, facts, reserved: claimed.reserve }, surroundings, call.run);
  return conclude(parts, call, registered, request, ended, edit);
}

/** Null when the effect may begin now; otherwise why it must not. */
async function mayBegin(parts: GateParts, call: GateCall, registered: RegisteredAction, prepared: Prepared, claimed: Claimed): Promise<string | null> {
  const { request, decidedAt } = claimed;
  if (call.surroundings.cancellation.aborted) return 'it was cancelled before it began';
  if (registered.action.resolve !== undefined) {
    const now = await resolveAgain(registered, prepared.effect?.input);
    if (now !== request.facts) return 'what it would act on changed after the claim';
    if (performance.now() - decidedAt > BEGIN_WITHIN / 2) return renewed(parts, call.who, request.token);
  }
  return performance.now() - decidedAt > BEGIN_WITHIN ? 'it could not begin within a second of its claim' : null;
}

/** Facts that are slow to read use up the second in which an effect must begin; asking the fence again starts it anew. */
async function renewed(parts: GateParts, who: CallIdentity, token: Token): Promise<string | null> {
  const askedAt = performance.now();
  const answer = await renew(parts.db, who.run.id, who.header.key, token, LEASE);
  if (answer !== 'renewed') return answer === 'fenced' ? 'the run was killed' : 'another attempt has taken over';
  return performance.now() - askedAt > BEGIN_WITHIN ? 'it could not begin within a second of its claim' : null;
}

async function conclude(
  parts: GateParts, call: GateCall, registered: RegisteredAction, request: CallRequest, ended: Attempted, edit: MergedEdit | null,
): Promise<Turn> {
  if (ended.kind === 'succeeded') {
    const value = tagged(ended.value, call.who, edit);
    const { stored, deliverable } = await parts.results.store(value);
    await settleAttempt(parts, call, request, { kind: 'succeeded', spend: ended.spend, result: stored });
    if (!deliverable) throw failedFailure(call.action, 'it succeeded, and its result is too large to return (2 MB); do not repeat it');
    return { kind: 'returns', value };
  }
  const { error, spend } = ended;
  await settleAttempt(parts, call, request, ended.kind === 'not-started' ? { kind: 'not-started', why: error } : { kind: ended.kind, error, spend });
  call.surroundings.cancellation.throwIfAborted();
  // An unknown outcome is asked about at once; the claim that follows opens the question.
  if (ended.kind === 'unknown') return { kind: 'again', edit };
  const attempts = registered.action.attempts ?? DEFAULT_ATTEMPTS;
  if (call.temporalAttempt < attempts) throw retryFailure(call.action, error);
  throw failedFailure(call.action, error);
}

/** Tells the workflow that an approver changed the arguments; see `EditedResult`. */
function tagged(value: unknown, who: CallIdentity, edit: MergedEdit | null): unknown {
  const confusable = typeof value === 'object' && value !== null && EDITED_KEY in value;
  if (edit === null && !confusable) return value;
  const told = edit === null ? null : { key: who.header.key, by: edit.by, changes: JSON.parse(edit.changes) as unknown };
  return { [EDITED_KEY]: told, result: value };
}

async function claimOrLater(parts: GateParts, who: CallIdentity, request: CallRequest): Promise<{ verdict: Verdict; decidedAt: number }> {
  let decidedAt = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      const verdict = await claim(parts.db, who.run.id, request, (facts) => {
        decidedAt = performance.now();
        return decide(facts);
      });
      if (verdict === null) throw deniedFailure({ code: 'run_unknown', message: 'The ledger knows no such run.', policies: [], by: null, askAgain: false });
      return { verdict, decidedAt };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      if (error.code === 'invariant_broken') {
        throw deniedFailure({ code: 'invariant_broken', message: `The ledger refused what the gate decided: ${error.message}`, policies: [], by: null, askAgain: false });
      }
      // The reply to a COMMIT may have been lost; the same token makes the second claim harmless.
      if (error.code !== 'ledger_away' || tries > 1) throw laterFailure(LEDGER_AWAY, 'the ledger is away');
    }
  }
}

/** Records an outcome, however long the ledger is away within reason; what it cannot record, a later attempt must ask about. */
async function settleAttempt(parts: GateParts, call: GateCall, request: CallRequest, outcome: Outcome): Promise<void> {
  const audit: AuditEntry = {
    kind: `call.${outcome.kind}`,
    body: { key: request.key, action: request.action, ...told(outcome) },
  };
  const giveUpAt = performance.now() + SETTLE_FOR;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    try {
      const answer = await settle(parts.db, call.who.run.id, request.key, request.token, outcome, audit);
      if (answer === 'late') throw laterFailure(0, 'another attempt of this call has taken over');
      return;
    } catch (error) {
      if (!(error instanceof LedgerError) || (error.code !== 'ledger_away' && error.code !== 'ledger_busy')) throw error;
      if (performance.now() > giveUpAt) throw laterFailure(LEDGER_AWAY, 'the ledger is away and the outcome could not be recorded');
      call.surroundings.heartbeat();
      await delay(wait);
    }
  }
}

function told(outcome: Outcome): AuditEntry['body'] {
  switch (outcome.kind) {
    case 'succeeded':
      return { spend: outcome.spend };
    case 'not-started':
      return { why: outcome.why };
    default:
      return { spend: outcome.spend, error: outcome.error };
  }
}
