import { Worker } from '@temporalio/worker';
import type { NativeConnection } from '@temporalio/worker';
import type { Database } from '../../ledger/index.ts';
import type { Config } from '../config/load-config.ts';
import { bundleWorkflows } from '../installation/bundle-workflows.ts';
import { HoldpointPlugin } from '../plugin/plugin.ts';
import type { Project } from './project.ts';

export interface EmbeddedWorkerParts {
  readonly native: NativeConnection;
  readonly namespace: string;
  readonly project: Project;
  readonly config: Config;
  readonly db: Database;
}

/** A worker of `up`, which shares the ledger's one connection. */
export async function createEmbeddedWorker({
  native,
  namespace,
  project,
  config,
  db,
}: EmbeddedWorkerParts): Promise<{ worker: Worker; plugin: HoldpointPlugin }> {
  const plugin = new HoldpointPlugin({ actions: project.actions, config, ledger: db });
  const workflowBundle = await bundleWorkflows(project.workflows, plugin);
  const worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue: project.taskQueue,
    workflowBundle,
    plugins: [plugin],
    maxCachedWorkflows: 500,
    shutdownGraceTime: '3s',
  });
  return { worker, plugin };
}
