import { join } from 'node:path';
import { expect, it } from 'vitest';
import { registerActions } from '../activities/index.ts';
import { demo, releaseActions } from '../examples/index.ts';
import { loadPolicies, readPolicyFolder, readPolicyTests, testPolicies } from '../policy/index.ts';

const folder = join(import.meta.dirname, '../policies');

it("the shipped policies fit the examples' real actions, and do what their cases say", async () => {
  const place = { repository: '/srv/repository', remote: '/srv/remote.git', scratch: '/srv/scratch', forbidden: [] };
  const manifests = [...registerActions({ ...releaseActions(place), demo }).values()].map(({ manifest }) => manifest);
  const groups = { 'release-managers': ['ada'], operators: ['ada'] };
  const set = loadPolicies({ sources: await readPolicyFolder(folder), manifests, groups });
  const results = (await readPolicyTests(folder)).flatMap(({ file, text }) => testPolicies(set, text, file));
  expect(results.filter(({ passed }) => !passed)).toEqual([]);
  expect(results.length).toBeGreaterThan(5);
});
