import type { Context } from '@temporalio/activity';
import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import type { ActivityInterceptors } from '@temporalio/worker';
import { ADOPTED_RUN, FAILURES, HEADER } from '../../core/index.ts';
import type { Denial, StepKey } from '../../core/index.ts';

/** One activity as the worker received it. */
export interface Ask {
  readonly type: string;
  readonly key: StepKey | null;
  readonly header: unknown;
  readonly args: readonly unknown[];
  readonly activityId: string;
  readonly local: boolean;
  readonly workflowId: string;
  readonly startToClose: number;
  readonly heartbeat: number | undefined;
  /** The how-manieth question under this key, from 1; attempts by Temporal count. */
  readonly nth: number;
  readonly context: Context;
}
/** What the gate answers: a result, or a thrown failure. */
export type Script = (ask: Ask) => unknown;

/**
 * Stands where the gate does, and answers as a test says: it plays the gate's side of the protocol, so that the
 * waiting room's side can be tested alone. Scripts are by run, which is the workflow id of the root.
 */
export function scriptedGate() {
  const scripts = new Map<string, Script>();
  const asks: Ask[] = [];
  let listeners: (() => void)[] = [];

  const of = (run: string) => asks.filter((ask) => runOf(ask) === run);

  return {
    script: (run: string, script: Script) => void scripts.set(run, script),
    /** What was asked of a run so far, withdrawals included, as `type key` lines. */
    lines: (run: string) => of(run).map(({ type, key }) => `${type} ${key ?? '-'}`),
    asks: of,
    /** Resolves when a run has asked this often. */
    async asked(run: string, times: number): Promise<readonly Ask[]> {
      while (of(run).length < times) await new Promise<void>((resolve) => listeners.push(resolve));
      return of(run);
    },
    interceptor: (context: Context): ActivityInterceptors => ({
      inbound: {
        async execute({ headers, args }) {
          const payload = headers[HEADER];
          const header = payload === undefined ? undefined : defaultPayloadConverter.fromPayload<{ run: string; key: StepKey }>(payload);
          const { info } = context;
          const key = header?.key ?? null;
          const workflowId = info.workflowExecution?.workflowId ?? '';
          const nth = asks.filter((ask) => ask.workflowId === workflowId && ask.type === info.activityType && ask.key === key).length + 1;
          const ask: Ask = {
            type: info.activityType,
            key,
            header,
            args,
            activityId: info.activityId,
            local: info.isLocal,
            workflowId,
            startToClose: info.startToCloseTimeoutMs,
            heartbeat: info.heartbeatTimeoutMs,
            nth,
            context,
          };
          asks.push(ask);
          const heard = listeners;
          listeners = [];
          for (const listener of heard) listener();
          return await scripts.get(runOf(ask))?.(ask);
        },
      },
    }),
  };
}

function runOf({ header, workflowId }: Ask): string {
  const run = (header as { readonly run: string } | undefined)?.run;
  return run === undefined || run === ADOPTED_RUN ? workflowId : run;
}

export const hold = (askAgainAfter = 3_600_000) =>
  answer(FAILURES.hold, { hold: 'hold-1', kind: 'approval', reason: 'A person must look', askAgainAfter });
export const later = (after: number) => answer(FAILURES.later, { after, reason: 'The ledger is away' });
export const fenced = () => answer(FAILURES.fenced);
export const denial: Denial = { code: 'policy_forbids', message: 'Not on Fridays', policies: ['no-fridays'], by: null, askAgain: false };
export const deny = () => answer(FAILURES.denied, denial);
/** What the gate throws so that Temporal runs the activity again. */
export const retry = () => ApplicationFailure.create({ type: 'HoldpointRetry', message: 'not started' });

function answer(type: string, ...details: unknown[]): ApplicationFailure {
  return ApplicationFailure.create({ type, message: type, nonRetryable: true, details });
}
