import { ContinueAsNew, TemporalFailure, defineSignal, setHandler } from '@temporalio/workflow';
import type { ActivityInput, LocalActivityInput, WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { WAKE_SIGNAL, WITHDRAW_ACTIVITY, parseWake } from '../core/index.ts';
import type { RunHeader } from '../core/index.ts';
import { checkActivator, freshActivitySeq } from './activator.ts';
import { askUntilAnswered } from './ask-again.ts';
import type { Question, Room } from './ask-again.ts';
import { checkCron, checkNexus, checkQueue, checkSignal, passesUngoverned } from './boundary.ts';
import { unwrapResult } from './edits.ts';
import { governedLocalOptions, governedOptions, withdrawLocalOptions, withdrawOptions } from './governed-options.ts';
import { readRunHeader, withHeader } from './header-codec.ts';
import { createOpenWaits } from './open-waits.ts';
import { createSpinGuard } from './spin-guard.ts';
import { createStepCounter } from './step-counter.ts';
import { createWakes } from './wakes.ts';

/** The text of `WAITING_ROOM_MARKER`, by which a worker sees that this module is in the workflow bundle. */
export const marker = 'holdpoint.waiting-room.v1';

const wakeSignal = defineSignal<[unknown]>(WAKE_SIGNAL);

/**
 * The workflow interceptors of Holdpoint, to be registered as the last of a worker's. They name every step, wait
 * where the gate answers with a hold, and let nothing pass to where no gate stands. They decide nothing: without
 * them, or in an execution that Holdpoint did not start, the gate finds no header and refuses.
 */
export const interceptors: WorkflowInterceptorsFactory = () => {
  const room: Room = { wakes: createWakes(), waits: createOpenWaits() };
  const guarded = createSpinGuard();
  let header: RunHeader | null = null;
  let steps = createStepCounter(null);

  async function call<Input extends ActivityInput | LocalActivityInput>(
    input: Input,
    next: (input: Input) => Promise<unknown>,
    options: { readonly ask: Input['options']; readonly withdraw: Input['options'] },
  ): Promise<unknown> {
    const key = steps.take();
    const headers = withHeader(input.headers, steps.callHeader(key));
    const withdrawal = { ...input, activityType: WITHDRAW_ACTIVITY, args: [], headers, options: options.withdraw };
    const question: Question = {
      key,
      ask: (seq) => next({ ...input, headers, options: options.ask, seq }),
      withdraw: () => next({ ...withdrawal, seq: freshActivitySeq() }),
    };
    return unwrapResult(await askUntilAnswered(question, input.seq, room));
  }

  return {
    inbound: [
      {
        async execute(input, next) {
          checkActivator();
          header = readRunHeader(input.headers);
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
        async scheduleActivity(input, next) {
          // Named in the configuration: it is as if there were no Holdpoint.
          if (passesUngoverned(header, input.activityType, input.options.taskQueue)) return await next(input);
          return await guarded(async () => {
            checkQueue(input.options.taskQueue, header, `The action "${input.activityType}"`);
            return await call(input, next, { ask: governedOptions(input.options), withdraw: withdrawOptions(input.options) });
          });
        },

        async scheduleLocalActivity(input, next) {
          const options = { ask: governedLocalOptions(input.options), withdraw: withdrawLocalOptions() };
          return await guarded(() => call(input, next, options));
        },

        async startChildWorkflowExecution(input, next) {
          return await guarded(async () => {
            checkQueue(input.options.taskQueue, header, `The child workflow "${input.workflowType}"`);
            checkCron(input.options.cronSchedule, input.workflowType);
            return await next({ ...input, headers: withHeader(input.headers, steps.childHeader(steps.take())) });
          });
        },

        async continueAsNew(input, next) {
          checkQueue(input.options.taskQueue, header, `The continued workflow "${input.options.workflowType}"`);
          return await next({ ...input, headers: withHeader(input.headers, steps.continuedHeader()) });
        },

        async startNexusOperation(input, next) {
          return await guarded(async () => {
            checkNexus(header, input.endpoint, input.service, input.operation);
            return await next(input);
          });
        },

        async signalWorkflow(input, next) {
          await guarded(async () => {
            if (input.target.type === 'external') checkSignal(header, input.signalName, input.target.workflowExecution.workflowId ?? '');
            await next(input);
          });
        },
      },
    ],
  };
};

/** Other errors only fail a workflow task, which is tried again with corrected code: nothing may be scheduled for them. */
function ends(error: unknown): boolean {
  return error instanceof TemporalFailure || error instanceof ContinueAsNew;
}
