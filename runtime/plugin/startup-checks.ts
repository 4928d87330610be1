import { readFileSync } from 'node:fs';
import type { WorkerOptions, WorkflowBundleOption } from '@temporalio/worker';
import type { ActionRegistry } from '../../activities/index.ts';
import { Refusal, WAITING_ROOM_MARKER } from '../../core/index.ts';

/** Refuses a worker on which something could have an effect past the gate. Throws `Refusal` `worker_ungoverned`. */
export function checkWorker(options: WorkerOptions, actions: ActionRegistry, ungoverned: readonly string[]): void {
  const registered = Object.entries(options.activities ?? {}).filter(([, value]) => typeof value === 'function');
  const undeclared = registered.map(([name]) => name).filter((name) => !actions.has(name) && !ungoverned.includes(`activity:${name}`));
  if (undeclared.length > 0) {
    refuse(
      `The worker registers activities that no action declares: ${undeclared.join(', ')}.`,
      'Declare each with defineAction and pass it in "actions", not in "activities".',
    );
  }
  const sinks = Object.keys(options.sinks ?? {}).filter((name) => !ungoverned.includes(`sink:${name}`));
  if (sinks.length > 0) {
    refuse(
      `The worker has sinks, by which workflow code reaches Node past the gate: ${sinks.join(', ')}.`,
      `Remove them, or list them under "ungoverned" in the configuration as ${sinks.map((name) => `sink:${name}`).join(', ')}.`,
    );
  }
  if (options.workflowBundle !== undefined) checkBundle(options.workflowBundle);
}

/** A bundle that was built without the plugin has no waiting room, and every hold would look like a failure. */
function checkBundle(bundle: WorkflowBundleOption): void {
  const code = 'code' in bundle ? bundle.code : readFileSync(bundle.codePath, 'utf8');
  if (code.includes(WAITING_ROOM_MARKER)) return;
  refuse('The workflow bundle lacks the waiting room.', 'Pass the plugin to bundleWorkflowCode as well: bundleWorkflowCode({ workflowsPath, plugins: [plugin] }).');
}

function refuse(message: string, hint: string): never {
  throw new Refusal('refused', 'worker_ungoverned', message, { hint });
}
