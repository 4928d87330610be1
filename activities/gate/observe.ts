import { decide } from '../../core/index.ts';
import type { ActionName, CallRequest, Outcome, Verdict } from '../../core/index.ts';
import { claim } from '../../ledger/index.ts';
import type { GapKind } from '../../ledger/index.ts';
import type { RegisteredAction } from '../registry.ts';
import { callerOf, observeEffect, unclear } from './effect.ts';
import type { ActivitySurroundings, Caller, ObservedEnd } from './effect.ts';
import { errorText } from './error-text.ts';
import { fencedFailure } from './failures.ts';
import type { GateCall } from './gate.ts';
import { drawHoldId, drawToken } from './ids.ts';
import { settleOnce } from './outcome.ts';
import type { GateParts } from './parts.ts';
import { prepare, rawInput } from './prepare.ts';
import type { Prepared } from './prepare.ts';

/** How long a call in observe waits for the ledger, in milliseconds: to be watched must not stop its workflow. */
const LEDGER_WITHIN = 1_000;

/** The claim that records a call, or null where none could be made in time. */
type Watched = { readonly kind: 'claimed'; readonly request: CallRequest } | { readonly kind: 'gap' } | { readonly kind: 'fenced' };

/**
 * One call of a run in observe: the verdict is recorded, as far as that can be done in time, and the call passes with
 * the arguments, the time-outs, the retries and the errors that it has without Holdpoint. Only the kill fence, which an
 * operator sets, stops it.
 */
export async function passObserved(parts: GateParts, call: GateCall): Promise<unknown> {
  const registered = parts.actions.get(call.action);
  if (registered === undefined) parts.gaps.count('undeclared', call.action);
  const prepared = await prepare(parts, call.who, call.action, call.args, null).catch(() => null);
  const watched = prepared === null ? gap(parts, call.action, 'unjudged') : await watch(parts, call, prepared);
  if (watched.kind === 'fenced') throw fencedFailure();
  const { input = registered && rawInput(registered, call.args), facts } = prepared?.effect ?? {};
  const attempt = { caller: callerOf(call.who), registered, input, facts, reserved: prepared?.request.worst ?? NOTHING };
  const ended = await observeEffect(parts, attempt, call.surroundings, call.run);
  if (watched.kind === 'claimed') await record(parts, call, registered, watched.request, ended);
  if (ended.kind === 'threw') throw ended.error;
  return ended.value;
}

/** A call of which nobody can say whose it is: it passes, and leaves no record but that it was counted. */
export async function passUnrecorded(
  parts: GateParts,
  call: Pick<GateCall, 'action' | 'args' | 'run'> & { readonly caller: Caller; readonly surroundings: ActivitySurroundings },
): Promise<unknown> {
  const registered = parts.actions.get(call.action);
  const raw = registered && rawInput(registered, call.args);
  const parsed = registered?.action.input.safeParse(raw);
  const input = parsed?.success === true ? parsed.data : raw;
  const attempt = { caller: call.caller, registered, input, facts: undefined, reserved: NOTHING };
  const ended = await observeEffect(parts, attempt, call.surroundings, call.run);
  if (ended.kind === 'threw') throw ended.error;
  return ended.value;
}

const NOTHING = 0 as CallRequest['worst'];

async function watch(parts: GateParts, call: GateCall, prepared: Prepared): Promise<Watched> {
  const request: CallRequest = { ...prepared.request, token: drawToken(), freshHold: drawHoldId() };
  try {
    const verdict: Verdict | null = await within(claim(parts.db, call.who.run.id, request, decide));
    if (verdict?.kind === 'fenced') return { kind: 'fenced' };
    return verdict?.kind === 'allow' ? { kind: 'claimed', request } : gap(parts, call.action, 'unjudged');
  } catch (error) {
    call.surroundings.log.warn('a call passed in observe without a record', { error: errorText(error) });
    return gap(parts, call.action, 'ledger_away');
  }
}

function gap(parts: GateParts, action: ActionName, kind: GapKind): Watched {
  parts.gaps.count(kind, action);
  return { kind: 'gap' };
}

/** What cannot be told stays in the record as an attempt that nobody accounted for. */
async function record(
  parts: GateParts,
  call: GateCall,
  registered: RegisteredAction | undefined,
  request: CallRequest,
  ended: ObservedEnd,
): Promise<void> {
  try {
    await within(outcomeOf(parts, registered, ended).then((outcome) => settleOnce(parts, { who: call.who, request }, outcome)));
  } catch (error) {
    parts.gaps.count('ledger_away', call.action);
    call.surroundings.log.warn('the outcome of a call in observe could not be recorded', { error: errorText(error) });
  }
}

async function outcomeOf(parts: GateParts, registered: RegisteredAction | undefined, ended: ObservedEnd): Promise<Outcome> {
  const { spend } = ended;
  if (ended.kind === 'returned') return { kind: 'succeeded', spend, result: (await parts.results.store(ended.kept)).stored };
  const error = errorText(ended.error);
  // Of what nobody declared nothing is known: nobody is asked about it in observe.
  return registered !== undefined && unclear(registered, spend, error).kind === 'unknown'
    ? { kind: 'unknown', spend, error }
    : { kind: 'failed', spend, error };
}

async function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  work.catch(() => undefined);
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the ledger did not answer within ${LEDGER_WITHIN} ms`)), LEDGER_WITHIN);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
