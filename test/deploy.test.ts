import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { registerActions } from '../activities/index.ts';
import { loadPolicies, readPolicyFolder } from '../policy/index.ts';
import { loadConfig } from '../runtime/index.ts';

const root = join(import.meta.dirname, '..');

/** Where a path of the image lies in the sources. */
function inSources(path: string): string {
  return path.replace('/app/dist/', `${root}/`).replace(/\.js$/, '.ts').replace('/deploy/', `${root}/deploy/`);
}

it('the configuration of the deployment names actions that exist, and policies that fit them', async () => {
  const config = loadConfig({ file: join(root, 'deploy/holdpoint.config.yaml'), env: {}, cwd: root });
  if (config.worker === null) throw new Error('The deployment has no worker.');
  const actions = registerActions((await import(inSources(config.worker.actions))) as Parameters<typeof registerActions>[0]);
  expect(actions.size).toBeGreaterThan(0);
  expect(readFileSync(inSources(config.worker.workflows), 'utf8')).toMatch(/export async function \w+/);
  const manifests = [...actions.values()].map(({ manifest }) => manifest);
  const set = loadPolicies({ sources: await readPolicyFolder(inSources(config.policies)), manifests, groups: config.groups });
  expect(set.policies.length).toBeGreaterThan(0);
});
