import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { loadConfig } from '../config/load-config.ts';
import { bundleWorkflows } from '../installation/bundle-workflows.ts';
import { checkExists, loadActions } from '../installation/load-project.ts';
import { HoldpointPlugin } from '../plugin/plugin.ts';
import { createTeardown } from '../teardown.ts';
import { reaching, temporalSettings } from './connect.ts';
import { requireProduction } from './requirements.ts';
import { aborted } from './run-server.ts';
import type { ProductionOptions } from './run-server.ts';

/** The configured worker, governed, until the signal; effects under way may finish. Throws `Refusal`. */
export async function runWorker(options: ProductionOptions): Promise<void> {
  const { env, cwd, print, signal } = options;
  const config = loadConfig({ file: options.config, env, cwd });
  const { temporalAddress } = requireProduction(config, 'worker');
  if (config.worker === null) return;
  const { actions, workflows, taskQueue } = config.worker;
  checkExists('worker.workflows', workflows);
  const plugin = new HoldpointPlugin({ actions: await loadActions(actions), config });
  const teardown = createTeardown();
  try {
    Runtime.install({ shutdownSignals: [] });
    const { connection: settings, namespace } = temporalSettings(config, temporalAddress, env);
    const connection = await reaching(NativeConnection.connect(settings), temporalAddress);
    teardown.add('Temporal', () => connection.close());
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue,
      workflowBundle: await bundleWorkflows(workflows, plugin),
      plugins: [plugin],
      shutdownGraceTime: '30s',
    });
    const working = worker.run();
    teardown.add('worker', async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await working.catch(() => undefined);
    });
    await Promise.race([plugin.ready, working]);
    print(`The worker listens on task queue ${taskQueue}.`);
    await Promise.race([aborted(signal), working]);
  } finally {
    await teardown.run();
  }
}
