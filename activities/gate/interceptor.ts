import type { Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ActivityExecuteInput, ActivityInboundCallsInterceptor, ActivityInterceptors } from '@temporalio/worker';
import { HEADER, parseCallHeader, pathOf, WITHDRAW_ACTIVITY } from '../../core/index.ts';
import type { CallHeader, DenialCode, Mode } from '../../core/index.ts';
import { appendInstallationAudit, LedgerError, withdrawCall } from '../../ledger/index.ts';
import type { GapKind } from '../../ledger/index.ts';
import type { ActionRegistry } from '../registry.ts';
import { governedActivity } from './effect.ts';
import type { Caller } from './effect.ts';
import { errorText, plainText } from './error-text.ts';
import { createIdentifier } from './executions.ts';
import type { Identified, Identifier } from './executions.ts';
import { deniedFailure, laterFailure } from './failures.ts';
import { passGate } from './gate.ts';
import type { GateCall } from './gate.ts';
import { LEDGER_AWAY, ledgerTrouble } from './ledger-trouble.ts';
import { passObserved, passUnrecorded } from './observe.ts';
import type { GateParts } from './parts.ts';

/** Of an activity's name in the installation's audit, in characters. */
const LONGEST_NAME = 200;

/** The gate as an activity interceptor. It must be the innermost: it judges the arguments that will really be used. */
export function createGate(parts: GateParts): (context: Context) => ActivityInterceptors {
  const identifier = createIdentifier(parts);
  return (context) => ({ inbound: new Gate(parts, identifier, context) });
}

/**
 * What the worker registers: each action under its name, the withdrawal, and `default` for what nobody declared. In
 * observe that stays what it is without Holdpoint: another activity of the worker's, or unknown to Temporal.
 */
export function gateActivities(registry: ActionRegistry, mode: Mode): Record<string, () => Promise<unknown>> {
  const undeclared = async (): Promise<never> => {
    throw new Error('An undeclared activity got past the gate and did nothing.');
  };
  return {
    ...Object.fromEntries([...registry].map(([name, registered]) => [name, governedActivity(registered)])),
    [WITHDRAW_ACTIVITY]: undeclared,
    ...(mode === 'enforce' && { default: undeclared }),
  };
}

class Gate implements ActivityInboundCallsInterceptor {
  readonly #parts: GateParts;
  readonly #identifier: Identifier;
  readonly #context: Context;

  constructor(parts: GateParts, identifier: Identifier, context: Context) {
    this.#parts = parts;
    this.#identifier = identifier;
    this.#context = context;
  }

  async execute(input: ActivityExecuteInput, next: (input: ActivityExecuteInput) => Promise<unknown>): Promise<unknown> {
    const { info } = this.#context;
    if (this.#parts.ungoverned.has(info.activityType)) return next(input);
    const identified = await this.#identify(input);
    if (identified === 'passes') return passUnrecorded(this.#parts, { ...this.#asked(input, next), caller: this.#nobody() });
    if (identified.kind === 'refused') return this.#refuse(identified.code, identified.message);
    const { who } = identified;
    if (info.activityType === WITHDRAW_ACTIVITY) return this.#withdraw(who.run.id, who.header.key);
    if (who.run.mode === 'observe') return passObserved(this.#parts, { who, ...this.#asked(input, next) });
    if (info.isLocal && this.#parts.actions.get(info.activityType)?.manifest.annotations.readOnly !== true) {
      return this.#refuse(
        'not_read_only',
        `${info.activityType} runs as a local activity, and only actions that read may: schedule it as an activity.`,
      );
    }
    return passGate(this.#parts, { who, ...this.#asked(input, next) });
  }

  #asked(input: ActivityExecuteInput, next: (input: ActivityExecuteInput) => Promise<unknown>): Omit<GateCall, 'who'> {
    const { info, cancellationSignal, log } = this.#context;
    return {
      action: info.activityType,
      args: input.args,
      temporalAttempt: info.attempt,
      surroundings: {
        cancellation: cancellationSignal,
        heartbeat: () => this.#context.heartbeat(),
        log: { info: (message, fields) => log.info(message, fields), warn: (message, fields) => log.warn(message, fields) },
      },
      run: () => next(input),
    };
  }

  /** Without a run, a call is known by what Temporal calls it. */
  #nobody(): Caller {
    const { workflowExecution, activityId } = this.#context.info;
    const { workflowId = '', runId = '' } = workflowExecution ?? {};
    return { idempotencyKey: `${workflowId}/${runId}/${activityId}`, run: { id: '', agent: '' } };
  }

  /** `passes` = it cannot be told whose call it is, and the installation is in observe. */
  async #identify(input: ActivityExecuteInput): Promise<Identified | 'passes'> {
    const { workflowExecution, activityType } = this.#context.info;
    const observes = this.#parts.mode === 'observe' && activityType !== WITHDRAW_ACTIVITY;
    const pass = (kind: GapKind): 'passes' => {
      this.#parts.gaps.count(kind, activityType);
      return 'passes';
    };
    const header = headerOf(input);
    if (workflowExecution === undefined || header === null) {
      if (observes) return pass('no_header');
      return {
        kind: 'refused',
        code: 'run_unknown',
        message: 'The call says of no run that it belongs to one: its workflow runs on a worker without the waiting room.',
      };
    }
    if (pathOf(header.key) !== header.path && !observes)
      return { kind: 'refused', code: 'execution_mismatch', message: 'The step key is not one of the execution that it comes from.' };
    try {
      const identified = await this.#identifier.identify(header, workflowExecution);
      return identified.kind === 'refused' && observes ? pass('unidentified') : identified;
    } catch (error) {
      const { log } = this.#context;
      if (observes) return pass(error instanceof LedgerError ? 'ledger_away' : 'unidentified');
      if (error instanceof LedgerError) throw ledgerTrouble(error, log);
      // Temporal could not be asked whose execution this is; without an answer nothing passes.
      log.warn('the execution of a call could not be confirmed', { error: errorText(error) });
      throw laterFailure(LEDGER_AWAY, 'Temporal could not say whose call this is');
    }
  }

  /** A call without a run has no record of its own; the installation's says that it came. */
  async #refuse(code: DenialCode, message: string): Promise<never> {
    const { activityType, workflowExecution } = this.#context.info;
    try {
      const action = plainText(activityType, LONGEST_NAME);
      const body = { action, workflowId: workflowExecution?.workflowId ?? null, runId: workflowExecution?.runId ?? null, code, message };
      await appendInstallationAudit(this.#parts.db, { kind: 'call.rejected', body });
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
    }
    throw deniedFailure({ code, message, policies: [], by: null, askAgain: false });
  }

  async #withdraw(run: string, key: Parameters<typeof withdrawCall>[2]): Promise<null> {
    try {
      await withdrawCall(this.#parts.db, run, key, 'the workflow stopped waiting');
      return null;
    } catch (error) {
      throw error instanceof LedgerError ? ledgerTrouble(error, this.#context.log) : error;
    }
  }
}

/** Null for what is no header of ours, however it is encoded. */
function headerOf({ headers }: ActivityExecuteInput): CallHeader | null {
  const payload = headers[HEADER];
  try {
    return payload === undefined ? null : parseCallHeader(defaultPayloadConverter.fromPayload(payload));
  } catch {
    return null;
  }
}
