import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type { ActionTree } from '../../activities/index.ts';
import { Refusal } from '../../core/index.ts';

/** Imports the module that `worker.actions` names; its exports are the tree of actions. Throws `Refusal` `worker_module`. */
export async function loadActions(path: string): Promise<ActionTree> {
  checkExists('worker.actions', path);
  try {
    return exportsOf((await import(pathToFileURL(path).href)) as ActionTree);
  } catch (error) {
    const typescript = path.endsWith('.ts') ? ' This Node.js may not read TypeScript: build it, and name the built file.' : '';
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal('invalid', 'worker_module', `"worker.actions" could not be loaded from ${path}: ${why}`, {
      hint: `Correct the module.${typescript}`,
      cause: error,
    });
  }
}

/** Named exports; a module of CommonJS has them all in `default` once more, or there alone. */
function exportsOf(module: ActionTree): ActionTree {
  const { default: whole, 'module.exports': _, ...named } = module;
  return Object.keys(named).length === 0 && whole !== undefined ? (whole as ActionTree) : named;
}

export function checkExists(option: string, path: string): void {
  if (existsSync(path)) return;
  throw new Refusal('invalid', 'worker_module', `"${option}" names a file that exists; got ${path}.`, {
    hint: 'Paths are relative to holdpoint.config.yaml.',
  });
}
