import { ContinueAsNew, TemporalFailure, defineSignal, setHandler } from '@temporalio/workflow';
import type { ActivityInput, LocalActivityInput, WorkflowInterceptors, WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { WAKE_SIGNAL, WITHDRAW_ACTIVITY, parseWake } from '../core/index.ts';
import type { Mode, RunHeader } from '../core/index.ts';
import { checkActivator, freshActivitySeq } from './activator.ts';
import { askUntilAnswered } from './ask-again.ts';
import type { Question, Room } from './ask-again.ts';
import { checkCron, checkNexus, checkQueue, checkSignal, passesUngoverned } from './boundary.ts';
import { unwrapResult } from './edits.ts';
import { forever } from './forever.ts';
import { governedLocalOptions, governedOptions, withdrawLocalOptions, withdrawOptions } from './governed-options.ts';
import { adoptedHeader, readRunHeader, withHeader } from './header-codec.ts';
import { createOpenWaits } from './open-waits.ts';
import { createSpinGuard } from './spin-guard.ts';
import type { Turn } from './spin-guard.ts';
import { createStepCounter } from './step-counter.ts';
import { createWakes } from './wakes.ts';

/** The text of `WAITING_ROOM_MARKER`, by which a worker sees that this module is in the workflow bundle. */
export const marker = 'holdpoint.waiting-room.v1';

const wakeSignal = defineSignal<[unknown]>(WAKE_SIGNAL);

/**
 * The workflow interceptors of Holdpoint, to be registered as the last of a worker's. They name every step, wait
 * where the gate answers with a hold, and let nothing pass to where no gate stands. They decide nothing: without
 * them the gate finds no header and refuses.
 */
export const interceptors: WorkflowInterceptorsFactory = () => waitingRoom('enforce');

/**
 * `unstarted` = the mode of an execution that Holdpoint did not start. In observe it changes nothing about the workflow
 * but the headers of its calls: options, task queues, Nexus and signals stay as their author has them.
 */
export function waitingRoom(unstarted: Mode): WorkflowInterceptors {
  const room: Room = { wakes: createWakes(), waits: createOpenWaits() };
  const guard = createSpinGuard();
  let header: RunHeader = adoptedHeader(unstarted);
  let steps = createStepCounter(header);

  /**
   * One governed call. Not `async`, and with a single `then` for whatever comes of it: the SDK takes a stack trace for
   * every promise of a workflow, so that each one more would cost an allowed step as much as its policies do.
   */
  function call<Input extends ActivityInput | LocalActivityInput>(
    input: Input,
    next: (input: Input) => Promise<unknown>,
    options: { readonly ask: Input['options']; readonly withdraw: Input['options'] },
    turn: Turn,
  ): Promise<unknown> {
    const key = steps.take();
    const headers = withHeader(input.headers, steps.callHeader(key));
    const question: Question = {
      key,
      ask: (seq) => next({ ...input, headers, options: options.ask, seq }),
      withdraw: () =>
        next({ ...input, activityType: WITHDRAW_ACTIVITY, args: [], headers, options: options.withdraw, seq: freshActivitySeq() }),
    };
    const heard = room.wakes.count(key);
    const answered = (result: unknown): unknown => {
      turn.succeeded();
      return unwrapResult(result);
    };
    const refused = (error: unknown): Promise<unknown> => askUntilAnswered(question, { error, heard }, room).then(answered, failed);
    const failed = (error: unknown): never => {
      turn.failed();
      throw error;
    };
    return question.ask(input.seq).then(answered, refused);
  }

  /** Makes what leaves the execution a turn of the guard's; what throws at once rejects, as for every caller of an action. */
  function guarded<T>(work: (turn: Turn) => Promise<T>): Promise<T> {
    const turn = guard.enter();
    if (turn === null) return forever();
    try {
      return work(turn);
    } catch (error) {
      turn.failed();
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- passed on as it came
      return Promise.reject(error);
    }
  }

  /** The same for what is no call of an action, and so has no answers to wait for. */
  function passing<T>(work: () => Promise<T>): Promise<T> {
    return guarded((turn) =>
      work().then(
        (result) => {
          turn.succeeded();
          return result;
        },
        (error: unknown) => {
          turn.failed();
          throw error;
        },
      ),
    );
  }

  return {
    inbound: [
      {
        async execute(input, next) {
          checkActivator();
          header = readRunHeader(input.headers) ?? adoptedHeader(unstarted);
          steps = createStepCounter(header);
          setHandler(wakeSignal, (argument) => {
            const wake = parseWake(argument);
            if (wake !== null) room.wakes.hear(wake);
          });
          try {
            const result = await next(input);
            await room.waits.drain();
            return result;
          } catch (error) {
            if (ends(error)) await room.waits.drain();
            throw error;
          }
        },
      },
    ],
    outbound: [
      {
        scheduleActivity(input, next) {
          // Named in the configuration: it is as if there were no Holdpoint.
          if (passesUngoverned(header, input.activityType, input.options.taskQueue)) return next(input);
          return guarded((turn) => {
            checkQueue(input.options.taskQueue, header, `The action "${input.activityType}"`);
            const ask = header.mode === 'observe' ? input.options : governedOptions(input.options);
            return call(input, next, { ask, withdraw: withdrawOptions(input.options) }, turn);
          });
        },

        scheduleLocalActivity(input, next) {
          const ask = header.mode === 'observe' ? input.options : governedLocalOptions(input.options);
          const options = { ask, withdraw: withdrawLocalOptions() };
          return guarded((turn) => call(input, next, options, turn));
        },

        startChildWorkflowExecution(input, next) {
          return passing(() => {
            checkQueue(input.options.taskQueue, header, `The child workflow "${input.workflowType}"`);
            checkCron(header, input.options.cronSchedule, input.workflowType);
            return next({ ...input, headers: withHeader(input.headers, steps.childHeader(steps.take())) });
          });
        },

        async continueAsNew(input, next) {
          checkQueue(input.options.taskQueue, header, `The continued workflow "${input.options.workflowType}"`);
          return await next({ ...input, headers: withHeader(input.headers, steps.continuedHeader()) });
        },

        startNexusOperation(input, next) {
          return passing(() => {
            checkNexus(header, input.endpoint, input.service, input.operation);
            return next(input);
          });
        },

        signalWorkflow(input, next) {
          return passing(() => {
            if (input.target.type === 'external') checkSignal(header, input.signalName, input.target.workflowExecution.workflowId ?? '');
            return next(input);
          });
        },
      },
    ],
  };
}

/** Other errors only fail a workflow task, which is tried again with corrected code: nothing may be scheduled for them. */
function ends(error: unknown): boolean {
  return error instanceof TemporalFailure || error instanceof ContinueAsNew;
}
