import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAction, registerActions } from '../../activities/index.ts';
import { Refusal } from '../../core/index.ts';
import { checkWorker } from './startup-checks.ts';
import { environmentSecrets } from './secrets.ts';

const actions = registerActions({
  git: {
    push: defineAction({
      summary: 'Push',
      input: z.strictObject({}),
      output: z.null(),
      run: () => Promise.resolve(null),
      annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: true },
    }),
  },
});
const us = { name: 'holdpoint' };
const effect = (): Promise<void> => Promise.resolve();

function refusal(options: object, ungoverned: readonly string[] = [], mode: 'enforce' | 'observe' = 'enforce'): string | null {
  try {
    checkWorker({ taskQueue: 'q', ...options }, actions, { ungoverned, mode }, us);
    return null;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'worker_ungoverned' && error.hint !== undefined) return error.message;
    throw error;
  }
}

describe('a worker', () => {
  it('of which nothing is known but the actions starts', () => expect(refusal({})).toBeNull());

  it.each([
    ['an activity that nothing declares', { activities: { 'git.pull': effect } }, [], /git\.pull/],
    ['an activity under the name of an action', { activities: { 'git.push': effect } }, [], /under the names of actions: git\.push/],
    ['a default activity', { activities: { default: effect } }, ['activity:default'], /default/],
    ['a declared action that is listed as ungoverned', {}, ['activity:git.push'], /as ungoverned: git\.push/],
    ['a sink', { sinks: { leak: { out: { fn: () => undefined } } } }, [], /leak/],
    ['a bundle without the waiting room', { workflowBundle: { code: 'nothing' } }, [], /waiting room/],
    ['a plugin that comes after ours', { plugins: [us, { name: 'metrics' }] }, [], /metrics would change/],
    ['ours twice', { plugins: [us, { name: 'holdpoint' }] }, [], /holdpoint would change/],
  ] as const)('with %s does not', (_, options, ungoverned, said) => expect(refusal(options, ungoverned)).toMatch(said));

  it.each([
    ['an activity', { activities: { 'git.pull': effect } }, ['activity:git.pull']],
    ['a sink', { sinks: { metrics: { out: { fn: () => undefined } } } }, ['sink:metrics']],
    ['what is no function', { activities: { config: { a: 1 } } as never }, []],
    ['plugins that come before ours', { plugins: [{ name: 'metrics' }, us] }, []],
    ['a bundle with the waiting room', { workflowBundle: { code: 'x = "holdpoint.waiting-room.v1"' } }, []],
  ] as const)('may have %s that the configuration lists, or that reaches nothing', (_, options, ungoverned) =>
    expect(refusal(options, ungoverned)).toBeNull(),
  );
});

describe('environmentSecrets', () => {
  const env = {
    HOLDPOINT_SECRET_TOKEN: 'one',
    HOLDPOINT_SECRET_KEY_FILE: '/run/key',
    HOLDPOINT_SECRET_BOTH: 'value',
    HOLDPOINT_SECRET_BOTH_FILE: '/run/both',
    TOKEN: 'other',
  };
  const find = environmentSecrets(env, (file) => `content of ${file}\n`);

  it('finds values and files, by their own names only', () => {
    expect(['TOKEN', 'KEY', 'BOTH', 'NONE', 'KEY_FILE', 'BOTH_FILE'].map(find)).toEqual([
      'one',
      'content of /run/key',
      'value',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('in observe starts with what nothing declares, and with sinks, but not with two of one name', () => {
    const undeclared = { activities: { 'git.pull': effect, default: effect }, sinks: { metrics: { out: { fn: () => undefined } } } };
    expect(refusal(undeclared, [], 'observe')).toBeNull();
    expect(refusal({ activities: { 'git.push': effect } }, [], 'observe')).toMatch(/under the names of actions/);
  });
});
