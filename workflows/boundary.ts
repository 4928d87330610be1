import { ApplicationFailure } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import { FAILURES } from '../core/index.ts';
import type { RefusedBody, RunHeader } from '../core/index.ts';

const hint = (name: string): string => `If it must be, an operator lists "${name}" under "ungoverned" in the configuration.`;

/** Refuses a task queue on which no gate is known to stand: neither the execution's own nor a listed one. */
export function checkQueue(queue: string | undefined, header: RunHeader, what: string): void {
  if (header.mode === 'observe' || !queue || queue === workflowInfo().taskQueue || header.queues.includes(queue)) return;
  if (isUngoverned(header, `queue:${queue}`)) return;
  throw refused(
    'queue_ungoverned',
    `${what} would go to the task queue "${queue}", which is not listed as governed. ${hint(`queue:${queue}`)}`,
  );
}

/** A tick of a cron would repeat the keys, and so the recorded results, of the tick before it. */
export function checkCron(header: RunHeader, schedule: string | undefined, workflow: string): void {
  if (schedule && header.mode !== 'observe')
    throw refused(
      'cron_refused',
      `The child workflow "${workflow}" has a cronSchedule, "${schedule}". Use a Temporal Schedule that starts runs.`,
    );
}

export function checkNexus(header: RunHeader, endpoint: string, service: string, operation: string): void {
  const name = `nexus:${endpoint}`;
  if (header.mode === 'observe' || isUngoverned(header, name)) return;
  throw refused('nexus_ungoverned', `The Nexus operation "${service}.${operation}" on "${endpoint}" would pass no gate. ${hint(name)}`);
}

export function checkSignal(header: RunHeader, signal: string, workflowId: string): void {
  const name = `signal:${signal}`;
  if (header.mode === 'observe' || isUngoverned(header, name)) return;
  throw refused(
    'signal_ungoverned',
    `The signal "${signal}" to the workflow "${workflowId}", which is not a child of this one, would pass no gate. ${hint(name)}`,
  );
}

export function passesUngoverned(header: RunHeader, activity: string, queue: string | undefined): boolean {
  return isUngoverned(header, `activity:${activity}`) || (!!queue && isUngoverned(header, `queue:${queue}`));
}

function isUngoverned(header: RunHeader, name: string): boolean {
  return header.ungoverned.includes(name);
}

/** The failure by which the sandbox itself refuses: final, and readable with `refusalOf`. */
export function refused(code: string, message: string): ApplicationFailure {
  const body: RefusedBody = { code, message };
  return ApplicationFailure.create({ type: FAILURES.refused, nonRetryable: true, message, details: [body] });
}
