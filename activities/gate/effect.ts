import { AsyncLocalStorage } from 'node:async_hooks';
import { CompleteAsyncError } from '@temporalio/common';
import { HEARTBEAT_EVERY, LEASE } from '../../core/index.ts';
import type { Micros, Outcome, Token } from '../../core/index.ts';
import { renew } from '../../ledger/index.ts';
import { NothingHappened } from '../define-action.ts';
import type { ActionContext, ActionLog } from '../define-action.ts';
import type { RegisteredAction } from '../registry.ts';
import { AttemptSecrets } from '../secrets.ts';
import type { CallIdentity, GateParts } from './parts.ts';

/** How long an action may take to stop once it was told to. */
const STOP_WITHIN = 2_000;
/** Longest error text that is kept. */
const LONGEST_ERROR = 2_000;

/** How the gate's permission travels to the registered activity function, past inner interceptors. */
interface Permission {
  readonly input: unknown;
  readonly context: ActionContext<unknown>;
}
const permission = new AsyncLocalStorage<Permission>();

/** The activity function of an action: it runs only where the gate has just let it. */
export function governedActivity(registered: RegisteredAction): () => Promise<unknown> {
  return async () => {
    const granted = permission.getStore();
    if (granted === undefined) throw new Error(`${registered.manifest.action} was called past the gate and did nothing.`);
    return registered.action.run(granted.input, granted.context);
  };
}

/** What Temporal's activity context gives the gate. */
export interface ActivitySurroundings {
  readonly cancellation: AbortSignal;
  readonly heartbeat: () => void;
  readonly log: ActionLog;
}

/** A finished attempt. `value` is what `run` returned, scrubbed; only a success has one. */
export type Attempted =
  | { readonly kind: 'succeeded'; readonly value: unknown; readonly spend: Micros }
  | { readonly kind: Exclude<Outcome['kind'], 'succeeded'>; readonly error: string; readonly spend: Micros };

export interface Attempt {
  readonly who: CallIdentity;
  readonly token: Token;
  readonly registered: RegisteredAction;
  readonly input: unknown;
  readonly facts: unknown;
  readonly reserved: Micros;
}

/** Runs the effect with heartbeats, its deadline and its abort signal, and says how it ended. Never throws. */
export async function attemptEffect(
  parts: Pick<GateParts, 'db' | 'secrets'>, attempt: Attempt, surroundings: ActivitySurroundings, call: () => Promise<unknown>,
): Promise<Attempted> {
  const { registered, who, reserved } = attempt;
  const { timeout } = registered.manifest;
  const stop = new AbortController();
  const secrets = new AttemptSecrets(parts.secrets);
  let reported: Micros | null = null;
  const context: ActionContext<unknown> = {
    facts: attempt.facts,
    idempotencyKey: `${who.run.id}${who.header.key}`,
    signal: AbortSignal.any([stop.signal, surroundings.cancellation]),
    deadline: new Date(Date.now() + timeout),
    run: { id: who.run.id, agent: who.run.agent },
    log: surroundings.log,
    secret: (reference) => secrets.resolve(reference),
    cost: (amount) => {
      if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`A cost is a whole number of micro-USD; got ${String(amount)}.`);
      reported = amount;
    },
  };
  const beating = setInterval(() => void beat(parts, attempt, surroundings, stop), HEARTBEAT_EVERY);
  const late = setTimeout(() => stop.abort(new Error(`it took more than ${timeout} ms`)), timeout);
  const spent = (): Micros => reported ?? reserved;
  try {
    const running = permission.run({ input: attempt.input, context }, call);
    const value = await Promise.race([running, unstoppable(context.signal)]);
    const parsed = registered.action.output.safeParse(secrets.scrub(value));
    if (!parsed.success) return ended(registered, spent(), `its output does not fit its schema: ${parsed.error.issues[0]?.message ?? 'invalid'}`);
    return { kind: 'succeeded', value: parsed.data, spend: spent() };
  } catch (error) {
    const message = secrets.scrubText(messageOf(error)).slice(0, LONGEST_ERROR);
    if (error instanceof NothingHappened) return { kind: 'not-started', error: message, spend: 0 as Micros };
    if (error instanceof CompleteAsyncError) return ended(registered, spent(), 'it asked to be completed from outside, which is not supported');
    return ended(registered, spent(), stop.signal.aborted ? messageOf(stop.signal.reason) : message);
  } finally {
    clearInterval(beating);
    clearTimeout(late);
  }
}

/** An attempt that neither succeeded nor surely did nothing: known to be repeatable, or a question. */
function ended(registered: RegisteredAction, spend: Micros, error: string): Attempted {
  const { idempotent, readOnly } = registered.manifest.annotations;
  return { kind: idempotent || readOnly ? 'failed' : 'unknown', error, spend };
}

/** Rejects when an action ignores its signal for too long: the gate stops waiting, and the outcome is open. */
function unstoppable(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const arm = (): void => {
      setTimeout(() => reject(signal.reason instanceof Error ? signal.reason : new Error('it was cancelled')), STOP_WITHIN).unref();
    };
    if (signal.aborted) arm();
    else signal.addEventListener('abort', arm, { once: true });
  });
}

async function beat(parts: Pick<GateParts, 'db'>, attempt: Attempt, surroundings: ActivitySurroundings, stop: AbortController): Promise<void> {
  surroundings.heartbeat();
  try {
    const answer = await renew(parts.db, attempt.who.run.id, attempt.who.header.key, attempt.token, LEASE);
    if (answer === 'lost') stop.abort(new Error('another attempt has taken over'));
    if (answer === 'fenced') stop.abort(new Error('the run was killed'));
  } catch (error) {
    // The ledger is away: the effect is under way already, and its outcome is told when the ledger is back.
    surroundings.log.warn('the claim could not be renewed', { error: messageOf(error) });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
