import { join } from 'node:path';
import type { ActionTree } from '../../activities/index.ts';
import type { Config, WorkerConfig } from '../config/load-config.ts';
import { checkExists, loadActions } from '../installation/load-project.ts';
import { modulePath } from '../module-path.ts';
import { packageRoot } from '../package-root.ts';
import { prepareReleasePlace } from './release-place.ts';
import type { ReleaseSource } from './release-place.ts';

export const EXAMPLES = ['release', 'runaway'] as const;
export type Example = (typeof EXAMPLES)[number];

/** What the embedded worker runs. */
export interface Project {
  readonly actions: ActionTree;
  /** Path of the workflows' module. */
  readonly workflows: string;
  readonly taskQueue: string;
  readonly policies: string;
  /** The example run to start; null = a project of one's own, which starts its runs itself. */
  readonly example: { readonly name: Example; readonly agent: string; readonly about: readonly string[] } | null;
}

/** The project that `holdpoint.config.yaml` names under `worker`. Throws `Refusal` `worker_module`. */
export async function ownProject(config: Config, worker: WorkerConfig): Promise<Project> {
  checkExists('worker.workflows', worker.workflows);
  return {
    actions: await loadActions(worker.actions),
    workflows: worker.workflows,
    taskQueue: worker.taskQueue,
    policies: config.policies,
    example: null,
  };
}

/** The examples that come with Holdpoint, on a real repository. */
export async function exampleProject(name: Example, source: ReleaseSource): Promise<Project> {
  const policies = join(packageRoot(), 'policies');
  const place = await prepareReleasePlace(source);
  // By path, as a project of one's own: examples stand on the public entry points, and nothing stands on them.
  const examples = (await import(modulePath(import.meta.url, '../../examples/index'))) as {
    readonly releaseActions: (place: object) => ActionTree;
    readonly demo: ActionTree;
  };
  // The clone lies in the state folder, whose other parts its root does not reach.
  const actions = { ...examples.releaseActions({ ...place, forbidden: [policies] }), demo: examples.demo };
  const about = {
    release: [
      `The release agent works on a clone of ${place.source}:`,
      `  clone   ${place.repository}`,
      `  remote  ${place.remote}`,
      'It composes the changelog from the commits; no model takes part.',
    ],
    runaway: ['The runaway agent asks the same question for ever; its breaker stops it at exactly its limit.'],
  };
  const agent = { release: 'release-bot', runaway: 'runaway' };
  return {
    actions,
    workflows: modulePath(import.meta.url, '../../examples/workflows'),
    taskQueue: 'holdpoint',
    policies,
    example: { name, agent: agent[name], about: about[name] },
  };
}
