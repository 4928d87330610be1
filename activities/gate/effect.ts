import { AsyncLocalStorage } from 'node:async_hooks';
import { ApplicationFailure, CompleteAsyncError } from '@temporalio/common';
import { HEARTBEAT_EVERY, LEASE } from '../../core/index.ts';
import type { Micros, Outcome, Token } from '../../core/index.ts';
import { renew } from '../../ledger/index.ts';
import type { ActionContext, ActionLog } from '../define-action.ts';
import type { RegisteredAction } from '../registry.ts';
import { AttemptSecrets, SecretMissing } from '../secrets.ts';
import { errorText } from './error-text.ts';
import type { CallIdentity, GateParts } from './parts.ts';

/** How long an action may take to stop once it was told to. */
const STOP_WITHIN = 2_000;

/** How the gate's permission travels to the registered activity function, past inner interceptors. It is good for one run. */
interface Permission {
  readonly registered: RegisteredAction;
  readonly input: unknown;
  readonly context: ActionContext<unknown>;
  used: boolean;
}
const permission = new AsyncLocalStorage<Permission>();

/** The activity function of an action: it runs only where the gate has just let it, and once. */
export function governedActivity(registered: RegisteredAction): () => Promise<unknown> {
  return async () => {
    const granted = permission.getStore();
    if (granted === undefined || granted.registered.manifest.action !== registered.manifest.action || granted.used) {
      throw new Error(`${registered.manifest.action} was called past the gate and did nothing.`);
    }
    granted.used = true;
    return registered.action.run(granted.input, granted.context);
  };
}

/** What Temporal's activity context gives the gate. */
export interface ActivitySurroundings {
  readonly cancellation: AbortSignal;
  readonly heartbeat: () => void;
  readonly log: ActionLog;
}

/** How an action ended. `value` is what `run` returned, scrubbed; only a success has one. */
export type Ended =
  | { readonly kind: 'succeeded'; readonly value: unknown; readonly spend: Micros }
  | {
      readonly kind: Exclude<Outcome['kind'], 'succeeded'>;
      readonly error: string;
      readonly spend: Micros;
      /** As the workflow's own code expects it; of a governed activity alone. */
      readonly thrown?: ApplicationFailure;
    };

/**
 * An attempt that the gate has done with. `leftBehind` = it did not stop when it was told to, and still runs; it
 * resolves with how it ended after all.
 */
export interface Attempted {
  readonly ended: Ended;
  readonly leftBehind: Promise<Ended> | null;
}

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
  parts: Pick<GateParts, 'db' | 'secrets'>,
  attempt: Attempt,
  surroundings: ActivitySurroundings,
  call: () => Promise<unknown>,
): Promise<Attempted> {
  const { registered, reserved } = attempt;
  const { timeout, secrets: secretFields } = registered.manifest;
  const stop = new AbortController();
  const secrets = new AttemptSecrets(parts.secrets);
  let reported: Micros | null = null;
  const spent = (): Micros => reported ?? reserved;
  const signal = AbortSignal.any([stop.signal, surroundings.cancellation]);
  const context = contextOf(
    { ...attempt, caller: callerOf(attempt.who) },
    signal,
    surroundings.log,
    secrets,
    (amount) => (reported = amount),
  );

  async function run(): Promise<Ended> {
    try {
      const value = await permission.run({ registered, input: attempt.input, context, used: false }, call);
      const parsed = registered.action.output.safeParse(secrets.scrub(value));
      if (parsed.success) return { kind: 'succeeded', value: parsed.data, spend: spent() };
      return unclear(registered, spent(), `its output does not fit its schema: ${errorText(parsed.error.issues[0]?.message ?? 'invalid')}`);
    } catch (error) {
      const message = errorText(error, (text) => secrets.scrubText(text));
      if (isNothingHappened(error)) return { kind: 'not-started', error: message, spend: 0 as Micros };
      if (error instanceof CompleteAsyncError)
        return unclear(registered, spent(), 'it asked to be completed from outside, which is not supported');
      if (stop.signal.aborted) return unclear(registered, spent(), errorText(stop.signal.reason));
      const { positional } = registered.action;
      return positional === undefined
        ? unclear(registered, spent(), message)
        : thrownBy(registered, positional.declines, spent(), failureOf(error, secrets));
    }
  }

  try {
    secrets.resolveAll(attempt.input, secretFields);
  } catch (error) {
    // What the action cannot have, it is told before it begins: nobody need ask what became of it.
    const why = error instanceof SecretMissing ? error.message : `A secret could not be read: ${errorText(error)}`;
    return { ended: { kind: 'not-started', error: why, spend: 0 as Micros }, leftBehind: null };
  }
  const beating = setInterval(() => void beat(parts, attempt, surroundings, stop), HEARTBEAT_EVERY);
  const late = setTimeout(() => stop.abort(new Error(`it took more than ${timeout} ms`)), timeout);
  const patience = patienceWith(context.signal);
  try {
    const running = run();
    const ended = await Promise.race([running, patience.over]);
    if (ended !== null) return { ended, leftBehind: null };
    return {
      ended: unclear(registered, spent(), `${errorText(context.signal.reason)}, and it did not stop when it was told to`),
      leftBehind: running,
    };
  } finally {
    clearInterval(beating);
    clearTimeout(late);
    patience.end();
  }
}

/** Who calls, as an action is told. */
export type Caller = Pick<ActionContext<unknown>, 'idempotencyKey' | 'run'>;

export function callerOf({ run, header }: CallIdentity): Caller {
  return { idempotencyKey: `${run.id}${header.key}`, run: { id: run.id, agent: run.agent } };
}

/** How a call in observe ended, as its workflow sees it. `kept` = the result as it may be recorded. */
export type ObservedEnd =
  | { readonly kind: 'returned'; readonly value: unknown; readonly kept: unknown; readonly spend: Micros }
  | { readonly kind: 'threw'; readonly error: unknown; readonly spend: Micros };

/**
 * Runs what a call in observe asks for, and leaves it as it is: no deadline, no check of its output, no scrubbing of what
 * it returns or throws. An activity that nobody declared is called as Temporal would. Never throws.
 */
export async function observeEffect(
  parts: Pick<GateParts, 'secrets'>,
  attempt: Pick<Attempt, 'input' | 'facts' | 'reserved'> & { readonly caller: Caller; readonly registered: RegisteredAction | undefined },
  surroundings: ActivitySurroundings,
  call: () => Promise<unknown>,
): Promise<ObservedEnd> {
  const { registered, reserved } = attempt;
  const secrets = new AttemptSecrets(parts.secrets);
  let reported: Micros | null = null;
  try {
    const value = await (registered === undefined
      ? call()
      : permission.run(
          {
            registered,
            input: attempt.input,
            context: contextOf(
              { ...attempt, registered },
              surroundings.cancellation,
              surroundings.log,
              secrets,
              (amount) => (reported = amount),
            ),
            used: false,
          },
          call,
        ));
    return { kind: 'returned', value, kept: secrets.scrub(value), spend: reported ?? reserved };
  } catch (error) {
    return { kind: 'threw', error, spend: reported ?? reserved };
  }
}

function contextOf(
  { caller, facts, registered }: Pick<Attempt, 'facts' | 'registered'> & { readonly caller: Caller },
  signal: AbortSignal,
  log: ActionLog,
  secrets: AttemptSecrets,
  report: (amount: Micros) => void,
): ActionContext<unknown> {
  return {
    facts,
    idempotencyKey: caller.idempotencyKey,
    signal,
    deadline: new Date(Date.now() + registered.manifest.timeout),
    run: caller.run,
    log: cleanLog(log, secrets),
    secret: (reference) => secrets.resolve(reference),
    cost: (amount) => {
      if (!Number.isSafeInteger(amount) || amount < 0)
        throw new RangeError(`A cost is a whole number of micro-USD; got ${String(amount)}.`);
      report(amount);
    },
  };
}

/** An attempt that neither succeeded nor surely did nothing: known to be repeatable, or a question. */
export function unclear(
  registered: RegisteredAction,
  spend: Micros,
  error: string,
): { readonly kind: 'failed' | 'unknown'; readonly error: string; readonly spend: Micros } {
  const { idempotent, readOnly } = registered.manifest.annotations;
  return { kind: idempotent || readOnly ? 'failed' : 'unknown', error, spend };
}

/** A governed activity that says that it refused did nothing, whatever else it is. */
function thrownBy(registered: RegisteredAction, declines: readonly string[], spend: Micros, thrown: ApplicationFailure): Ended {
  const declined = declines.includes(thrown.type ?? '');
  const error = errorText(thrown);
  return declined ? { kind: 'failed', error, spend, thrown: final(thrown) } : { ...unclear(registered, spend, error), thrown };
}

/** What an activity threw as Temporal would report it, without secrets. */
function failureOf(error: unknown, secrets: AttemptSecrets): ApplicationFailure {
  const from = error instanceof ApplicationFailure ? error : ApplicationFailure.fromError(error);
  const message = errorText(from, (text) => secrets.scrubText(text));
  const details = (from.details ?? []).map((detail) => secrets.scrub(detail));
  return ApplicationFailure.create({ type: from.type ?? 'Error', message, details, nonRetryable: from.nonRetryable === true });
}

/** The same as one that Temporal does not try again. */
export function final({ type, message, details }: ApplicationFailure): ApplicationFailure {
  return ApplicationFailure.create({ type: type ?? 'Error', message, details: details ?? [], nonRetryable: true });
}

/** By name: a project may have its own copy of this package. */
function isNothingHappened(error: unknown): boolean {
  return error instanceof Error && error.name === 'NothingHappened';
}

function cleanLog(log: ActionLog, secrets: AttemptSecrets): ActionLog {
  const clean = (fields: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> | undefined =>
    fields === undefined ? undefined : (secrets.scrub(fields) as Record<string, unknown>);
  return {
    info: (message, fields) => log.info(secrets.scrubText(message), clean(fields)),
    warn: (message, fields) => log.warn(secrets.scrubText(message), clean(fields)),
  };
}

/** Over when an action ignores its signal for too long: the gate stops waiting, and the outcome is open. */
function patienceWith(signal: AbortSignal): { readonly over: Promise<null>; end(): void } {
  let timer: NodeJS.Timeout | undefined;
  let arm: () => void = () => undefined;
  const over = new Promise<null>((resolve) => {
    arm = () => {
      timer = setTimeout(() => resolve(null), STOP_WITHIN);
    };
    if (signal.aborted) arm();
    else signal.addEventListener('abort', arm, { once: true });
  });
  return {
    over,
    end() {
      signal.removeEventListener('abort', arm);
      clearTimeout(timer);
    },
  };
}

async function beat(
  parts: Pick<GateParts, 'db'>,
  attempt: Attempt,
  surroundings: ActivitySurroundings,
  stop: AbortController,
): Promise<void> {
  surroundings.heartbeat();
  try {
    const answer = await renew(parts.db, attempt.who.run.id, attempt.who.header.key, attempt.token, LEASE);
    if (answer === 'lost') stop.abort(new Error('another attempt has taken over'));
    if (answer === 'fenced') stop.abort(new Error('the run was killed'));
  } catch (error) {
    // The ledger is away: the effect is under way already, and its outcome is told when the ledger is back.
    surroundings.log.warn('the claim could not be renewed', { error: errorText(error) });
  }
}
