import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Millis } from '../core/index.ts';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

/** How many executions of one server are looked at. */
const MOST = 1_000;
const LOOK_EVERY: Millis = 10;

/**
 * Resolves with true when every execution of the client's namespace waits, for a timer, a signal or a child, and nothing
 * is on its way to a worker; with false when that has not come about in time. For a server that serves one test alone.
 */
export async function awaitIdle(client: Client, within: Millis): Promise<boolean> {
  const giveUpAt = performance.now() + within;
  let before: string | null = null;
  while (performance.now() < giveUpAt) {
    // oxlint-disable-next-line no-await-in-loop -- one look follows another
    const seen: string | null = await lookAtAll(client);
    // One look is not one instant: only what has not moved from one to the next stands still.
    if (seen !== null && seen === before) return true;
    before = seen;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await delay(LOOK_EVERY);
  }
  return false;
}

/** What all executions have come to; null = one of them is at work. */
async function lookAtAll(client: Client): Promise<string | null> {
  const { namespace } = client.options;
  const { executions } = await client.workflowService.listOpenWorkflowExecutions({ namespace, maximumPageSize: MOST });
  const looks = executions.map(async ({ execution }) => {
    const { workflowId, runId } = execution ?? {};
    const history = await client.workflow.getHandle(workflowId ?? '', runId ?? '').fetchHistory();
    return isWaiting(history) ? `${runId}:${history.events?.length}` : null;
  });
  const seen = await Promise.all(looks);
  return seen.includes(null) ? null : seen.toSorted((a, b) => (a ?? '').localeCompare(b ?? '')).join(' ');
}

/** Whether a workflow, by its history, has answered all that happened to it, and no activity of it is open. */
function isWaiting({ events }: Pick<History, 'events'>): boolean {
  const open = new Set<string>();
  let task = false;
  for (const event of events ?? []) {
    if (event.workflowTaskScheduledEventAttributes) task = true;
    if (event.workflowTaskCompletedEventAttributes) task = false;
    if (event.activityTaskScheduledEventAttributes) open.add(String(event.eventId));
    const ended =
      event.activityTaskCompletedEventAttributes ??
      event.activityTaskFailedEventAttributes ??
      event.activityTaskTimedOutEventAttributes ??
      event.activityTaskCanceledEventAttributes;
    if (ended) open.delete(String(ended.scheduledEventId));
  }
  return !task && open.size === 0;
}
