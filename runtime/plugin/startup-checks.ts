import { readFileSync } from 'node:fs';
import type { WorkerOptions, WorkerPlugin, WorkflowBundleOption } from '@temporalio/worker';
import { linesToPaste } from '../../activities/index.ts';
import type { ActionRegistry } from '../../activities/index.ts';
import { Refusal, WAITING_ROOM_MARKER } from '../../core/index.ts';
import type { Mode } from '../../core/index.ts';
import type { Config } from '../config/load-config.ts';

/** Refuses a worker on which something could have an effect past the gate; in observe what is not declared passes. Throws `Refusal` `worker_ungoverned`. */
export function checkWorker(
  options: WorkerOptions,
  actions: ActionRegistry,
  { ungoverned, mode }: Pick<Config, 'ungoverned' | 'mode'>,
  plugin: WorkerPlugin,
): void {
  checkLast(options.plugins, plugin);
  checkActivities(options, actions, ungoverned, mode);
  if (mode === 'enforce') checkSinks(options, ungoverned);
  if (options.workflowBundle !== undefined) checkBundle(options.workflowBundle);
}

/** What another plugin adds afterwards would stand between the gate and the effect, or beside it. */
export function checkLast(plugins: readonly { readonly name: string }[] = [], plugin: { readonly name: string }): void {
  const later = plugins.slice(plugins.indexOf(plugin) + 1).map(({ name }) => name);
  if (!plugins.includes(plugin) || later.length === 0) return;
  refuse(
    `The plugin "holdpoint" is not the last of the worker's: ${later.join(', ')} would change what it has judged.`,
    'List holdpoint(…) last. Plugins of the connection come after those of the worker: put it there, or move them.',
  );
}

function checkActivities(options: WorkerOptions, actions: ActionRegistry, ungoverned: readonly string[], mode: Mode): void {
  const registered = Object.entries(options.activities ?? {}).filter(([, value]) => typeof value === 'function');
  const names = registered.map(([name]) => name);
  const twice = names.filter((name) => actions.has(name));
  if (twice.length > 0) {
    refuse(
      `The worker registers activities under the names of actions: ${twice.join(', ')}.`,
      'An action is registered by the plugin: remove it from "activities".',
    );
  }
  const both = [...actions.keys()].filter((name) => ungoverned.includes(`activity:${name}`));
  if (both.length > 0) {
    refuse(
      `The configuration lists declared actions as ungoverned: ${both.join(', ')}.`,
      'An action always passes the gate: remove it from "ungoverned".',
    );
  }
  if (mode === 'observe') return;
  const undeclared = names.filter((name) => name === 'default' || !ungoverned.includes(`activity:${name}`));
  if (undeclared.length > 0) {
    refuse(
      `The worker registers activities that no action declares: ${undeclared.join(', ')}.`,
      `Declare each with defineAction, or govern them as they are, and pass them in "actions", not in "activities": actions: governActivities(activities, {\n${linesToPaste(undeclared)}\n})`,
    );
  }
}

function checkSinks(options: WorkerOptions, ungoverned: readonly string[]): void {
  const sinks = Object.keys(options.sinks ?? {}).filter((name) => !ungoverned.includes(`sink:${name}`));
  if (sinks.length > 0) {
    refuse(
      `The worker has sinks, by which workflow code reaches Node past the gate: ${sinks.join(', ')}.`,
      `Remove them, or list them under "ungoverned" in the configuration as ${sinks.map((name) => `sink:${name}`).join(', ')}.`,
    );
  }
}

/** A bundle that was built without the plugin has no waiting room, and every hold would look like a failure. */
export function checkBundle(bundle: WorkflowBundleOption): void {
  const code = 'code' in bundle ? bundle.code : readFileSync(bundle.codePath, 'utf8');
  if (code.includes(WAITING_ROOM_MARKER)) return;
  refuse(
    'The workflow bundle lacks the waiting room.',
    'Pass the plugin to bundleWorkflowCode as well: bundleWorkflowCode({ workflowsPath, plugins: [plugin] }).',
  );
}

function refuse(message: string, hint: string): never {
  throw new Refusal('refused', 'worker_ungoverned', message, { hint });
}
