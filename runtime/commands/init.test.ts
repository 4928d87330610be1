import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { governActivities, registerActions } from '../../activities/index.ts';
import { loadPolicies, testPolicies } from '../../policy/index.ts';
import { parseConfig } from '../config/parse-config.ts';
import { initProject } from './init.ts';

const ACTIVITIES = `
export async function chargeCard(order, cents = 5) { return order + cents; }
export const sendMail = async (to) => to;
export async function takesApart({ a, b }) { return a + b; }
export function noArguments() {}
export class Helper {}
export const LIMIT = 5;
`;
const WORST = { readOnly: false, destructive: true, idempotent: false, openWorld: true };

let cwd: string;
beforeEach(() => {
  // In the tree, so that the module is read as one of ES.
  mkdirSync(join(import.meta.dirname, '../../.holdpoint'), { recursive: true });
  cwd = mkdtempSync(join(import.meta.dirname, '../../.holdpoint/init-'));
  writeFileSync(join(cwd, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(cwd, 'dist'));
  writeFileSync(join(cwd, 'dist/activities.js'), ACTIVITIES);
});
afterEach(() => rmSync(cwd, { recursive: true }));

const read = (path: string): string => readFileSync(join(cwd, path), 'utf8');

describe('a first project', () => {
  it('is written from the activities that are found, and can be used as it is', async () => {
    const made = await initProject({ dryRun: false, cwd });
    expect(made.activities).toEqual([
      { name: 'chargeCard', parameters: ['order', 'cents'] },
      { name: 'noArguments', parameters: [] },
      { name: 'sendMail', parameters: ['to'] },
      { name: 'takesApart', parameters: null },
    ]);
    expect(made.files.map(({ path }) => path)).toEqual([
      'holdpoint.config.yaml',
      'holdpoint.actions.mjs',
      'policies/first.cedar',
      'policies/first.test.yaml',
    ]);
    const config = parseConfig(read('holdpoint.config.yaml'), 'holdpoint.config.yaml');
    expect(config).toMatchObject({ file: { mode: 'observe', worker: { actions: './holdpoint.actions.mjs', taskQueue: 'holdpoint' } } });
    expect(read('holdpoint.actions.mjs')).toContain('chargeCard: { annotations: WORST, args: { order: z.any(), cents: z.any() } },');
    expect(read('holdpoint.actions.mjs')).toContain("import * as activities from './dist/activities.js';");

    const activities = Object.fromEntries(made.activities.map(({ name }) => [name, () => null]));
    const manifests = [...registerActions(governActivities(activities, { '*': { annotations: WORST } })).values()].map(
      ({ manifest }) => manifest,
    );
    const { groups } = parse(read('holdpoint.config.yaml')) as { groups: Record<string, string[]> };
    const set = loadPolicies({ sources: [{ file: 'first.cedar', text: read('policies/first.cedar') }], manifests, groups });
    expect(testPolicies(set, read('policies/first.test.yaml'), 'first.test.yaml').every(({ passed }) => passed)).toBe(true);
    const call = { agent: 'a', action: 'chargeCard', input: {}, facts: null, run: { workflow: 'w', requesters: [], labels: {} } };
    expect(set.rule(call)).toMatchObject({ kind: 'allow', wouldBe: { verdict: 'hold', asks: ['operators'] } });
  });

  it('is only shown in a dry run, and never written over what is there', async () => {
    expect((await initProject({ dryRun: true, cwd })).files).toHaveLength(4);
    expect(existsSync(join(cwd, 'holdpoint.config.yaml'))).toBe(false);
    mkdirSync(join(cwd, 'policies'));
    writeFileSync(join(cwd, 'policies/first.cedar'), 'mine');
    await expect(initProject({ dryRun: false, cwd })).rejects.toMatchObject({
      code: 'file_exists',
      message: expect.stringContaining('policies/first.cedar'),
    });
    expect(existsSync(join(cwd, 'holdpoint.config.yaml'))).toBe(false);
    expect(read('policies/first.cedar')).toBe('mine');
  });

  it.each([
    ['activities_missing', 'nowhere.js', null],
    ['activities_unreadable', 'broken.js', 'export const = 5;'],
    ['no_activities', 'empty.js', 'export const a = 5;'],
  ])('is refused with %s where the module is %s', async (code, activities, text) => {
    if (text !== null) writeFileSync(join(cwd, activities), text);
    await expect(initProject({ activities, dryRun: false, cwd })).rejects.toMatchObject({ code });
    expect(existsSync(join(cwd, 'holdpoint.config.yaml'))).toBe(false);
  });
});
