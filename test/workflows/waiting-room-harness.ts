import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { WorkflowBundle } from '@temporalio/worker';
import { HEADER, WAKE_SIGNAL, WITHDRAW_ACTIVITY } from '../../core/index.ts';
import type { RunHeader } from '../../core/index.ts';
import { hold, scriptedGate } from './scripted-gate.ts';
import type { Script } from './scripted-gate.ts';

const { EventType } = temporal.api.enums.v1;
type Event = temporal.api.history.v1.IHistoryEvent;
type EventName = keyof typeof EventType;

const WORKFLOWS = join(import.meta.dirname, 'waiting-room.ts');
const WAITING_ROOM = join(import.meta.dirname, '../../workflows/waiting-room.ts');

export type Harness = Awaited<ReturnType<typeof startHarness>>;

/**
 * Two workers on the tests' Temporal server, both with the scripted gate: one whose workflows have the waiting room,
 * and a plain one. Every run that `start` starts has a run header, but a bare one.
 */
export async function startHarness() {
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } });
  const { HOLDPOINT_TEST_TEMPORAL: address = '' } = process.env;
  const [native, connection] = await Promise.all([NativeConnection.connect({ address }), Connection.connect({ address })]);
  const queue = `waiting-room-${randomUUID()}`;
  const queues = { governed: queue, plain: `${queue}-plain`, elsewhere: `${queue}-elsewhere` };
  const gate = scriptedGate();
  const client = new Client({
    connection,
    interceptors: {
      workflow: [
        {
          start(input, next) {
            const run = input.options.workflowId;
            const header: RunHeader = { v: 1, run, path: '', next: 1, queues: [queues.plain], ungoverned: [], mode: 'enforce' };
            const headers = { ...input.headers, [HEADER]: defaultPayloadConverter.toPayload(header) };
            return next(run.startsWith('bare-') ? input : { ...input, headers });
          },
        },
      ],
    },
  });

  const logger = new DefaultLogger('ERROR');
  const bundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, workflowInterceptorModules: [WAITING_ROOM], logger });
  const plainBundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger });
  const work = async (taskQueue: string, workflowBundle: WorkflowBundle) => {
    const act = async () => undefined;
    const worker = await Worker.create({
      connection: native,
      taskQueue,
      workflowBundle,
      activities: { act, 'git.log': act, 'git.remote.push': act, [WITHDRAW_ACTIVITY]: act },
      interceptors: { activity: [gate.interceptor] },
      maxHeartbeatThrottleInterval: 100,
      shutdownGraceTime: 0,
      shutdownForceTime: 2_000,
    });
    const done = worker.run();
    return async () => {
      worker.shutdown();
      await done;
    };
  };
  const stopWorkers = await Promise.all([work(queues.governed, bundle), work(queues.plain, plainBundle)]);

  /** Waits, without a clock, until the latest execution's history has this many events of a type. */
  async function until(handle: WorkflowHandle, name: EventName, times = 1): Promise<void> {
    const request = { namespace: 'default', execution: { workflowId: handle.workflowId }, waitNewEvent: true };
    let nextPageToken: Uint8Array | undefined;
    for (let found = 0; found < times;) {
      const token = nextPageToken === undefined ? {} : { nextPageToken };
      const page = await connection.workflowService.getWorkflowExecutionHistory({ ...request, ...token });
      found += names(page.history?.events ?? []).filter((one) => one === name).length;
      nextPageToken = page.nextPageToken;
      if (found < times && nextPageToken.length === 0) throw new Error(`The run ended before ${times} × ${name}.`);
    }
  }

  return {
    gate,
    client,
    connection,
    queues,
    bundle,
    plainBundle,
    until,
    /** Resolves when this many waits have begun. */
    waiting: (handle: WorkflowHandle, times = 1) => until(handle, 'EVENT_TYPE_TIMER_STARTED', times),
    wake: (handle: WorkflowHandle, key: string | null) => handle.signal(WAKE_SIGNAL, { key }),
    /** Starts a run that the script answers. */
    async start(
      workflow: string,
      args: unknown[],
      script: Script,
      options: { bare?: boolean; queue?: string } = {},
    ): Promise<WorkflowHandle> {
      const workflowId = `${options.bare === true ? 'bare' : 'run'}-${randomUUID()}`;
      gate.script(workflowId, script);
      return await client.workflow.start(workflow, { workflowId, args, taskQueue: options.queue ?? queues.governed });
    },
    /** Fails where the recorded history does not replay on this code. */
    async replays(handle: WorkflowHandle): Promise<void> {
      await Worker.runReplayHistory({ workflowBundle: bundle }, await handle.fetchHistory(), handle.workflowId);
    },
    async stop(): Promise<void> {
      await Promise.all(stopWorkers.map((stop) => stop()));
      await Promise.all([native.close(), connection.close()]);
    },
  };
}

export async function events(handle: WorkflowHandle): Promise<readonly Event[]> {
  return (await handle.fetchHistory()).events ?? [];
}

export function names(list: readonly Event[]): readonly string[] {
  return list.map(({ eventType }) => EventType[eventType ?? 0] ?? '');
}

/** What a run failed with. */
export async function failureOf(handle: WorkflowHandle): Promise<unknown> {
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  return error instanceof WorkflowFailedError ? error.cause : error;
}

/** Holds what a key asks first, and answers afterwards. */
export const holdFirst: Script = ({ nth, key, type }) => {
  if (nth === 1 && type !== WITHDRAW_ACTIVITY) throw hold();
  return `did ${key}`;
};
