import { randomUUID } from 'node:crypto';
import { WorkflowClient } from '@temporalio/client';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { HEADER } from '../../core/index.ts';
import type { RunHeader } from '../../core/index.ts';

const { EventType, ResetReapplyExcludeType } = temporal.api.enums.v1;
export type Event = temporal.api.history.v1.IHistoryEvent;
export type EventName = keyof typeof EventType extends `EVENT_TYPE_${infer Name}` ? Name : never;

export async function events(client: Client, workflowId: string, runId?: string): Promise<readonly Event[]> {
  return (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
}

export function nameOf({ eventType }: Event): EventName {
  return (EventType[eventType ?? 0] ?? '').slice('EVENT_TYPE_'.length) as EventName;
}

/** The types of an execution's events, without `EVENT_TYPE_`. */
export async function eventNames(client: Client, workflowId: string, runId?: string): Promise<readonly EventName[]> {
  return (await events(client, workflowId, runId)).map(nameOf);
}

/** Everything that a history says, payloads decoded, as one text. */
export function textOf(history: readonly Event[]): string {
  return JSON.stringify(history.map(plain));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** Resets to just before the nth activity was scheduled (1 = the first). Signals that came since are sent again. */
export async function resetBefore(client: Client, workflowId: string, nth: number): Promise<void> {
  const scheduled = (await events(client, workflowId)).filter((event) => nameOf(event) === 'ACTIVITY_TASK_SCHEDULED')[nth - 1];
  const task = scheduled?.activityTaskScheduledEventAttributes?.workflowTaskCompletedEventId;
  if (!task) throw new Error(`${workflowId} has scheduled fewer than ${nth} activities.`);
  await reset(client, workflowId, { task, signals: true });
}

/** Resets to the first workflow task; signals that came since are forgotten. */
export async function resetToStart(client: Client, workflowId: string): Promise<void> {
  const task = (await events(client, workflowId)).find((event) => nameOf(event) === 'WORKFLOW_TASK_COMPLETED')?.eventId;
  if (!task) throw new Error(`${workflowId} has completed no workflow task.`);
  await reset(client, workflowId, { task, signals: false });
}

async function reset(
  client: Client,
  workflowId: string,
  to: { readonly task: NonNullable<Event['eventId']>; readonly signals: boolean },
): Promise<void> {
  await client.workflowService.resetWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId, runId: '' },
    workflowTaskFinishEventId: to.task,
    requestId: randomUUID(),
    reason: 'a test',
    resetReapplyExcludeTypes: to.signals ? [] : [ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
  });
}

/** Starts a workflow as whoever merely reaches Temporal could: with whatever header they like, or none. */
export async function startPast(
  client: Client,
  workflow: string,
  options: { readonly taskQueue: string; readonly input: unknown; readonly header: RunHeader | null },
): Promise<WorkflowHandle> {
  const { taskQueue, input, header } = options;
  const headers = header === null ? {} : { [HEADER]: defaultPayloadConverter.toPayload(header) };
  const { interceptors: _, ...settings } = client.workflow.options;
  const starter = new WorkflowClient({
    ...settings,
    connection: client.connection,
    interceptors: [{ startWithDetails: (asked, next) => next({ ...asked, headers: { ...asked.headers, ...headers } }) }],
  });
  const { workflowId } = await starter.start(workflow, { workflowId: `past-${randomUUID()}`, taskQueue, args: [input] });
  return client.workflow.getHandle(workflowId);
}
