import { BEGIN_WITHIN, decide, EDITED_KEY, HEARTBEAT_EVERY, LEASE } from '../../core/index.ts';
import type { ActionName, CallRequest, Micros, StoredResult, Token, Verdict } from '../../core/index.ts';
import { claim, LedgerError, renew } from '../../ledger/index.ts';
import type { RegisteredAction } from '../registry.ts';
import { attemptEffect, final } from './effect.ts';
import type { ActivitySurroundings, Attempted, Ended } from './effect.ts';
import { errorText } from './error-text.ts';
import { deniedFailure, failedFailure, fencedFailure, heldFailure, laterFailure, retryFailure } from './failures.ts';
import { drawHoldId, drawToken } from './ids.ts';
import { LEDGER_REFUSES, ledgerTrouble } from './ledger-trouble.ts';
import { recordable, settleAttempt, tellLate } from './outcome.ts';
import type { Telling } from './outcome.ts';
import type { CallIdentity, GateParts } from './parts.ts';
import { prepare, resolveAgain } from './prepare.ts';
import type { MergedEdit, Prepared } from './prepare.ts';
import { ResultMissing } from './results.ts';

/** How often in a row a call is prepared anew because it could not begin, before the workflow sleeps. */
const FRESH_STARTS = 5;
/** Attempts of an action that says nothing: more only where a second run changes nothing. */
const DEFAULT_ATTEMPTS = 3;
const TOO_LATE = 'it could not begin within a second of its claim';

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
type Turn =
  | { readonly kind: 'returns'; readonly value: unknown }
  | { readonly kind: 'again'; readonly edit: MergedEdit | null; readonly why: string; readonly leftBehind?: LeftBehind };
/** An attempt whose action still runs although the gate has done with it. */
interface LeftBehind {
  readonly telling: Telling;
  readonly ended: Promise<Ended>;
}

/**
 * One governed call, step by step: prepare, claim, effect, settle. Returns the action's result, or throws
 * one of the failures that the waiting room understands. Nothing happens before the claim is recorded.
 */
export async function passGate(parts: GateParts, call: GateCall): Promise<unknown> {
  let edit: MergedEdit | null = null;
  let why = '';
  const leftBehind: LeftBehind[] = [];
  // A ledger that keeps silent is waited for; without a sign of life Temporal would count an attempt, and begin another.
  const beating = setInterval(() => call.surroundings.heartbeat(), HEARTBEAT_EVERY);
  try {
    for (let turn = 0; turn < FRESH_STARTS; turn += 1) {
      const done: Turn = await ask(parts, call, edit);
      if (done.kind === 'returns') return done.value;
      ({ edit, why } = done);
      if (done.leftBehind !== undefined) leftBehind.push(done.leftBehind);
    }
    throw laterFailure(1_000, why);
  } finally {
    clearInterval(beating);
    // By now the question is open to which the late outcome belongs.
    for (const { telling, ended } of leftBehind) void tellLate(parts, telling, ended);
  }
}

async function ask(parts: GateParts, call: GateCall, edit: MergedEdit | null): Promise<Turn> {
  const prepared = await prepare(parts, call.who, call.action, call.args, edit);
  const request: CallRequest = { ...prepared.request, token: drawToken(), freshHold: drawHoldId() };
  const { verdict, ...when } = await claimOrLater(parts, call, request);
  switch (verdict.kind) {
    case 'allow':
      return attempt(parts, call, prepared, { request, ...when, reserve: verdict.reserve, edit });
    case 'recorded':
      return { kind: 'returns', value: await recordedResult(parts, call, verdict.result) };
    case 'edited':
      return { kind: 'again', edit: verdict, why: 'what an approver changed does not come to rest' };
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

/** What an earlier success answers with. It happened, whatever becomes of the answer. */
async function recordedResult(parts: GateParts, call: GateCall, stored: StoredResult | null): Promise<unknown> {
  const { log } = call.surroundings;
  try {
    const { value, deliverable } = await parts.results.load(stored);
    if (deliverable) return value;
  } catch (error) {
    if (error instanceof LedgerError) throw ledgerTrouble(error, log);
    log.warn('a recorded result could not be read', { error: errorText(error) });
    if (!(error instanceof ResultMissing)) throw laterFailure(LEDGER_REFUSES, `its recorded result could not be read: ${errorText(error)}`);
    throw failedFailure(call.action, `it succeeded before, and its result is gone from the ledger; do not repeat it`);
  }
  throw tooLarge(call.action);
}

function tooLarge(action: ActionName): Error {
  return failedFailure(action, 'it succeeded, and its result is too large to return (2 MB); do not repeat it');
}

/** When a claim was decided: monotonic, in milliseconds, just before it was written. `twice` = the reply to the first writing was lost. */
interface DecidedAt {
  readonly decidedAt: number;
  readonly twice: boolean;
}

interface Claimed extends DecidedAt {
  readonly request: CallRequest;
  readonly reserve: Micros;
  readonly edit: MergedEdit | null;
}

async function attempt(parts: GateParts, call: GateCall, prepared: Prepared, claimed: Claimed): Promise<Turn> {
  const { request, edit, reserve } = claimed;
  const registered = parts.actions.get(call.action);
  if (registered === undefined || prepared.effect === null) throw new RangeError('An undeclared call was allowed.');
  const { who, surroundings } = call;
  const telling: Telling = { who, registered, request, surroundings };
  const hindrance = await mayBegin(parts, call, registered, prepared, claimed);
  if (hindrance !== null) {
    await settleAttempt(parts, telling, { kind: 'not-started', why: hindrance });
    surroundings.cancellation.throwIfAborted();
    return { kind: 'again', edit: null, why: hindrance };
  }
  const { input, facts } = prepared.effect;
  const attempted = await attemptEffect(
    parts,
    { who, token: request.token, registered, input, facts, reserved: reserve },
    surroundings,
    call.run,
  );
  return conclude(parts, call, telling, attempted, edit);
}

/** Null when the effect may begin now; otherwise why it must not. Never throws: what was claimed is settled. */
async function mayBegin(
  parts: GateParts,
  call: GateCall,
  registered: RegisteredAction,
  prepared: Prepared,
  claimed: Claimed,
): Promise<string | null> {
  const { request, decidedAt, twice } = claimed;
  if (call.surroundings.cancellation.aborted) return 'it was cancelled before it began';
  const slow = (): boolean => performance.now() - decidedAt > BEGIN_WITHIN / 2;
  if (registered.action.resolve !== undefined) {
    const now = await resolveAgain(registered, prepared.effect?.input);
    if (now.kind === 'failed') return `what it would act on could not be read again: ${now.why}`;
    if (now.text !== request.facts) return 'what it would act on changed after the claim';
    if (call.surroundings.cancellation.aborted) return 'it was cancelled before it began';
    if (slow()) return renewed(parts, call.who, request.token);
  }
  // The lease runs from the first writing, however long it took to hear of it.
  if (twice) return renewed(parts, call.who, request.token);
  return performance.now() - decidedAt > BEGIN_WITHIN ? TOO_LATE : null;
}

/** Facts that are slow to read use up the second in which an effect must begin; asking the fence again starts it anew. */
async function renewed(parts: GateParts, who: CallIdentity, token: Token): Promise<string | null> {
  const askedAt = performance.now();
  try {
    const answer = await renew(parts.db, who.run.id, who.header.key, token, LEASE);
    if (answer !== 'renewed') return answer === 'fenced' ? 'the run was killed' : 'another attempt has taken over';
  } catch (error) {
    return `the ledger went away before it began: ${errorText(error)}`;
  }
  return performance.now() - askedAt > BEGIN_WITHIN ? TOO_LATE : null;
}

async function conclude(
  parts: GateParts,
  call: GateCall,
  telling: Telling,
  { ended, leftBehind }: Attempted,
  edit: MergedEdit | null,
): Promise<Turn> {
  const value = ended.kind === 'succeeded' ? tagged(ended.value, call.who, edit) : null;
  const { outcome, deliverable } = await recordable(parts, telling, ended.kind === 'succeeded' ? { ...ended, value } : ended);
  await settleAttempt(parts, telling, outcome);
  if (outcome.kind === 'succeeded') {
    if (!deliverable) throw tooLarge(call.action);
    return { kind: 'returns', value };
  }
  call.surroundings.cancellation.throwIfAborted();
  // An unknown outcome is asked about at once; the claim that follows opens the question.
  if (outcome.kind === 'unknown')
    return { kind: 'again', edit, why: outcome.error, ...(leftBehind && { leftBehind: { telling, ended: leftBehind } }) };
  const why = outcome.kind === 'not-started' ? outcome.why : outcome.error;
  // No attempt begins while an earlier one still runs.
  const attempts = leftBehind === null ? (telling.registered.action.attempts ?? DEFAULT_ATTEMPTS) : 1;
  const thrown = ended.kind === 'failed' ? ended.thrown : undefined;
  if (call.temporalAttempt < attempts && thrown?.nonRetryable !== true) throw retryFailure(call.action, why);
  throw thrown === undefined ? failedFailure(call.action, why) : final(thrown);
}

/** Tells the workflow that an approver changed the arguments; see `EditedResult`. */
function tagged(value: unknown, who: CallIdentity, edit: MergedEdit | null): unknown {
  const confusable = typeof value === 'object' && value !== null && EDITED_KEY in value;
  if (edit === null && !confusable) return value;
  const told = edit === null ? null : { key: who.header.key, by: edit.by, changes: JSON.parse(edit.changes) as unknown };
  return { [EDITED_KEY]: told, result: value };
}

async function claimOrLater(parts: GateParts, call: GateCall, request: CallRequest): Promise<{ verdict: Verdict } & DecidedAt> {
  let decidedAt = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      const verdict = await claim(parts.db, call.who.run.id, request, (facts) => {
        decidedAt = performance.now();
        return decide(facts);
      });
      if (verdict === null)
        throw deniedFailure({ code: 'run_unknown', message: 'The ledger knows no such run.', policies: [], by: null, askAgain: false });
      return { verdict, decidedAt, twice: tries > 1 };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      // The reply to a COMMIT may have been lost; the same token makes the second claim harmless.
      if (error.code !== 'ledger_away' || tries > 1) throw ledgerTrouble(error, call.surroundings.log);
    }
  }
}
