import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, Runtime } from '@temporalio/worker';
import type { WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { Refusal } from '../../core/index.ts';
import type { HoldpointPlugin } from '../plugin/plugin.ts';

/** Longer reports of the bundler say nothing more to people. In characters. */
const LONGEST = 1_500;

/** Bundles the module that `worker.workflows` names for the sandbox. Throws `Refusal` `worker_module` with the bundler's first error. */
export async function bundleWorkflows(path: string, plugin: HoldpointPlugin): Promise<WorkflowBundleWithSourceMap> {
  const errors: string[] = [];
  const logger = new DefaultLogger('INFO', ({ level, message }) => {
    if (level === 'ERROR') errors.push(message);
    else Runtime.instance().logger.debug(message);
  });
  try {
    return await bundleWorkflowCode({
      workflowsPath: path,
      plugins: [plugin],
      logger,
      // A project that has Holdpoint by a link, or by a strict package manager, sees Temporal's packages only as Holdpoint does.
      webpackConfigHook: (config) => ({
        ...config,
        resolve: { ...config.resolve, modules: [...(config.resolve?.modules ?? ['node_modules']), ourPackages()] },
      }),
    });
  } catch (error) {
    throw new Refusal('invalid', 'worker_module', `"worker.workflows" could not be bundled from ${path}: ${reasonOf(error, errors)}`, {
      hint: 'Workflows run in a sandbox without Node.js: keep actions and their packages out of this module, and import only their types.',
      cause: error,
    });
  }
}

/** The bundler reports what it found in its log alone. */
function reasonOf(error: unknown, errors: readonly string[]): string {
  const [report] = errors;
  const first = report?.split(/^ERROR in /m)[1] ?? (error instanceof Error ? error.message : String(error));
  const text = first.trim();
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** The folder of packages in which ours are found, wherever a package manager put it. */
function ourPackages(): string {
  const workflow = createRequire(import.meta.url).resolve('@temporalio/workflow/package.json');
  return dirname(dirname(dirname(workflow)));
}
