import { proxyActivities } from '@temporalio/workflow';

/** Sends an activity to another task queue than its own. */
export async function elsewhere(taskQueue: string): Promise<{ told: readonly { kind: string }[] }> {
  const activities = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({ startToCloseTimeout: '10s', taskQueue });
  await activities['tool.look']?.({ text: 'seen' });
  return { told: [{ kind: 'returned' }] };
}
