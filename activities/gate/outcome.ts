import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEntry, CallRequest, Outcome } from '../../core/index.ts';
import { LedgerError, settle } from '../../ledger/index.ts';
import type { RegisteredAction } from '../registry.ts';
import { unclear } from './effect.ts';
import type { ActivitySurroundings, Ended } from './effect.ts';
import { errorText } from './error-text.ts';
import { laterFailure } from './failures.ts';
import { LEDGER_AWAY, LEDGER_REFUSES } from './ledger-trouble.ts';
import type { CallIdentity, GateParts } from './parts.ts';

/** How long the outcome of an effect is offered to a ledger that is away, before the next attempt must ask a person: an outage of a minute, and the time to come back. */
const TELL_FOR = 90_000;

/** One attempt whose outcome is to be recorded. */
export interface Telling {
  readonly who: CallIdentity;
  readonly registered: RegisteredAction;
  readonly request: CallRequest;
  readonly surroundings: ActivitySurroundings;
}

/** An outcome, and for a success whether Temporal would take its result. */
export interface Recordable {
  readonly outcome: Outcome;
  readonly deliverable: boolean;
}

/**
 * How an action ended, as the ledger records it. A result that cannot be kept is no success: what was asked for could
 * not be answered with, so the outcome is that of a throw, and says that the action ran to its end.
 */
export async function recordable(parts: Pick<GateParts, 'results'>, told: Telling, ended: Ended): Promise<Recordable> {
  if (ended.kind === 'succeeded') {
    try {
      const { stored, deliverable } = await patiently(told.surroundings, () => parts.results.store(ended.value));
      return { outcome: { kind: 'succeeded', spend: ended.spend, result: stored }, deliverable };
    } catch (error) {
      return recordable(
        parts,
        told,
        unclear(told.registered, ended.spend, `it ran to its end, and its result could not be kept: ${errorText(error)}`),
      );
    }
  }
  const { kind, error, spend } = ended;
  return { outcome: kind === 'not-started' ? { kind, why: error } : { kind, error, spend }, deliverable: true };
}

/**
 * Records an outcome, however long the ledger is away within reason. What cannot be recorded throws Later: the next
 * question finds an attempt that nobody can account for, and runs it again or asks a person.
 */
export async function settleAttempt(parts: Pick<GateParts, 'db'>, told: Telling, outcome: Outcome): Promise<void> {
  const { who, request, surroundings } = told;
  try {
    const answer = await patiently(surroundings, () =>
      settle(parts.db, who.run.id, request.key, request.token, outcome, entryOf(request, outcome)),
    );
    if (answer === 'late') throw laterFailure(0, 'another attempt of this call has taken over');
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    surroundings.log.warn('the outcome of an effect could not be recorded', {
      outcome: outcome.kind,
      code: error.code,
      error: error.message,
    });
    if (isAway(error)) throw laterFailure(LEDGER_AWAY, 'the ledger is away and the outcome could not be recorded');
    throw laterFailure(LEDGER_REFUSES, `the outcome could not be recorded: ${error.message}`);
  }
}

/** Records an outcome as far as that can be done at once. Throws `LedgerError`. */
export async function settleOnce(
  parts: Pick<GateParts, 'db'>,
  { who, request }: Pick<Telling, 'who' | 'request'>,
  outcome: Outcome,
): Promise<void> {
  await settle(parts.db, who.run.id, request.key, request.token, outcome, entryOf(request, outcome));
}

/** An action that was left behind has ended after all: that is evidence for the person who is asked what became of it. */
export async function tellLate(parts: Pick<GateParts, 'db' | 'results'>, told: Telling, leftBehind: Promise<Ended>): Promise<void> {
  const { who, request, surroundings } = told;
  try {
    const { outcome } = await recordable(
      parts,
      { ...told, surroundings: { ...surroundings, heartbeat: () => undefined } },
      await leftBehind,
    );
    await settle(parts.db, who.run.id, request.key, request.token, outcome, entryOf(request, outcome));
  } catch (error) {
    surroundings.log.warn('an action that was left behind ended, and that could not be recorded', { error: errorText(error) });
  }
}

/** Repeats what the ledger is away for, within reason, and keeps Temporal's patience meanwhile. Throws the last `LedgerError`. */
async function patiently<T>({ heartbeat }: Pick<ActivitySurroundings, 'heartbeat'>, work: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + TELL_FOR;
  for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LedgerError) || !isAway(error) || performance.now() > giveUpAt) throw error;
      heartbeat();
      await delay(wait);
    }
  }
}

function isAway({ code }: LedgerError): boolean {
  return code === 'ledger_away' || code === 'ledger_busy';
}

function entryOf({ key, action }: CallRequest, outcome: Outcome): AuditEntry {
  return { kind: `call.${outcome.kind}`, body: { key, action, ...told(outcome) } };
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
