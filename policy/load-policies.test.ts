import { describe, expect, test } from 'vitest';
import { Refusal } from '../core/index.ts';
import { GROUPS, load, manifest, MANIFESTS } from './manifests.fixture.ts';
import { DEFAULT_POLICIES } from './default-policies.ts';
import { loadPolicies } from './load-policies.ts';
import type { PolicyProblem } from './problem.ts';

function refusalOf(run: () => unknown): Refusal {
  try {
    run();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const push = (annotations: string, effect = 'forbid', action = 'action == Action::"git.push"') =>
  `${annotations} ${effect} (principal, ${action}, resource);`;
const HELD = '@id("p") @hold("x") @approvers("release-managers")';

describe('what is wrong is refused with file, line, policy, rule and value', () => {
  test.each([
    [
      'an unknown annotation',
      push(`${HELD} @quroum("1")`),
      'policy_annotation',
      'test.cedar:1 (policy "p"): unknown annotation @quroum; did you mean @quorum?',
    ],
    ['an annotation like no other', push('@id("p") @colour("red")'), 'policy_annotation', 'unknown annotation @colour'],
    [
      'an annotation named as a built-in of JavaScript',
      push('@id("p") @constructor("red")'),
      'policy_annotation',
      'unknown annotation @constructor',
    ],
    ['no id', push('@reason("x")'), 'policy_no_id', 'test.cedar:1: has no @id'],
    ['an id without a value', push('@id'), 'policy_annotation', '@id has no value'],
    ['an id with a space', push('@id("a b")'), 'policy_annotation', '@id has up to 100 letters'],
    [
      'the same id twice',
      `${push('@id("p")')}\n\n${push('@id("p")')}`,
      'policy_duplicate',
      'test.cedar:3 (policy "p"): has the @id of another policy, in test.cedar:1',
    ],
    ['the id of a built-in policy', push('@id("holdpoint.reads")'), 'policy_duplicate', 'in built-in defaults:3'],
    ['one annotation twice', push('@id("p") @id("q")'), 'policy_syntax', 'duplicate annotation: @id'],
    ['a hold on a permit', push(HELD, 'permit'), 'policy_annotation', '@hold stands on a permit'],
    ['a hold without approvers', push('@id("p") @hold("x")'), 'policy_annotation', '@hold stands without @approvers'],
    ['approvers without a hold', push('@id("p") @approvers("operators")'), 'policy_annotation', '@approvers stands without @hold'],
    ['a hold without a reason', push('@id("p") @hold(" ") @approvers("operators")'), 'policy_annotation', '@hold says why'],
    [
      'an unknown group',
      push('@id("p") @hold("x") @approvers("release-manager")'),
      'policy_group',
      '"release-manager", which is not configured; did you mean "release-managers"?',
    ],
    [
      'a group named as a built-in of JavaScript',
      push('@id("p") @hold("x") @approvers("toString")'),
      'policy_group',
      '"toString", which is not configured',
    ],
    ['an empty group', push('@id("p") @hold("x") @approvers("nobody")'), 'policy_group', '"nobody", which has no members'],
    ['an unknown group to escalate to', push(`${HELD} @escalate("bosses")`), 'policy_group', '@escalate names the group "bosses"'],
    ['a quorum of 0', push(`${HELD} @quorum("0")`), 'policy_annotation', '@quorum is a whole number of at least 1; got "0"'],
    ['a quorum of -1', push(`${HELD} @quorum("-1")`), 'policy_annotation', 'got "-1"'],
    ['a quorum of 1.5', push(`${HELD} @quorum("1.5")`), 'policy_annotation', 'got "1.5"'],
    [
      'a quorum above the group',
      push(`${HELD} @quorum("3")`),
      'policy_group',
      '@quorum is "3", but the group "release-managers" has 2 members',
    ],
    [
      'a deadline without a unit',
      push(`${HELD} @deadline("4")`),
      'policy_annotation',
      '@deadline is a positive duration of at most a year, such as "30m", "4h" or "2d"; got "4"',
    ],
    ['a negative deadline', push(`${HELD} @deadline("-4h")`), 'policy_annotation', 'got "-4h"'],
    ['a validity of nothing', push(`${HELD} @valid("0m")`), 'policy_annotation', '@valid is a positive duration'],
    [
      'an unknown severity',
      push(`${HELD} @severity("urgent")`),
      'policy_annotation',
      '@severity is one of low, medium, high, critical; got "urgent"',
    ],
    ['an unknown mode', push('@id("p") @mode("audit")'), 'policy_annotation', '@mode is enforce or observe; got "audit"'],
    ['a raise that is no amount', push('@id("p") @raise_up_to("lots")'), 'policy_annotation', '@raise_up_to is an amount of dollars'],
    [
      'an edit of a field that is not editable',
      push(`${HELD} @edits("ref, remote")`),
      'policy_annotation',
      '@edits names "remote", but git.push declares as editable: ref',
    ],
    [
      'an edit under a policy of every action',
      push(`${HELD} @edits("ref")`, 'forbid', 'action'),
      'policy_annotation',
      '@edits names "ref", but',
    ],
    ['an empty list of edits', push(`${HELD} @edits("")`), 'policy_annotation', '@edits lists input fields'],
    ['no semicolon', '\n@id("p")\npermit (principal, action, resource)', 'policy_syntax', 'test.cedar:3: unexpected end of input'],
    ['a template', push('@id("p")', 'permit').replace('principal,', 'principal == ?principal,'), 'policy_template', '?principal'],
    [
      'an undeclared action',
      push('@id("p")', 'permit', 'action == Action::"git.psh"'),
      'policy_invalid',
      'test.cedar:1 (policy "p"): unrecognized action `Action::"git.psh"`; did you mean `Action::"git.push"`?',
    ],
    [
      'an undeclared action in a condition',
      '@id("p") permit (principal, action, resource) when { action == Action::"git.psh" };',
      'policy_invalid',
      'git.psh',
    ],
    ['an undeclared target', '@id("p") permit (principal, action, resource == Target::"git.psh");', 'policy_invalid', 'git.psh'],
    ['an unknown principal type', '@id("p") permit (principal == Agnt::"a", action, resource);', 'policy_invalid', 'did you mean `Agent`?'],
    [
      'a mistyped fact',
      `// é\n${push('@id("p")', 'permit').replace(';', '\nwhen { context.facts.remotUrl == "x" };')}`,
      'policy_invalid',
      'test.cedar:3 (policy "p"): attribute `facts.remotUrl` in context for Action::"git.push" not found; did you mean `remoteUrl`?',
    ],
    [
      'an optional fact that is not tested for',
      push('@id("p")', 'permit').replace(';', 'when { context.facts.oldRef == "x" };'),
      'policy_invalid',
      'optional attribute `facts.oldRef`',
    ],
    [
      'a comparison of unequal types',
      push('@id("p")', 'permit').replace(';', 'when { context.input.ref > 5 };'),
      'policy_invalid',
      'test.cedar:1',
    ],
    [
      'a condition that can never hold (a warning)',
      push('@id("p")', 'forbid').replace(';', 'when { 1 == 2 };'),
      'policy_invalid',
      'policy is impossible',
    ],
    [
      'a lookalike letter (a warning)',
      '@id("p") permit (principal == Agent::"\u0430gent", action, resource);',
      'policy_invalid',
      'mixed scripts',
    ],
  ])('%s', (_, text, code, message) => {
    const refusal = refusalOf(() => load(text));
    expect(refusal).toMatchObject({ kind: 'invalid', code });
    expect(refusal.message).toContain(message);
    expect(refusal.hint).toBeTruthy();
  });

  test('all problems are listed, each with its place', () => {
    const refusal = refusalOf(() => load(`${push(`${HELD} @quroum("1")`)}\n${push('@id("q") @valid("soon")')}`));
    expect(refusal.message).toContain('(and 2 more problems)');
    expect((refusal.data['problems'] as readonly PolicyProblem[]).map(({ policy, line, code }) => [policy, line, code])).toEqual([
      ['p', 1, 'policy_annotation'],
      ['q', 2, 'policy_annotation'],
      ['q', 2, 'policy_annotation'],
    ]);
  });

  test('a mistyped action is one problem, not three', () => {
    const refusal = refusalOf(() => load(push('@id("p")', 'permit', 'action == Action::"git.psh"')));
    expect(refusal.data['problems']).toHaveLength(1);
  });

  test('actions that are declared twice, or not at all, are refused', () => {
    expect(refusalOf(() => load('', [manifest('a.b'), manifest('a.b')]))).toMatchObject({ code: 'action_duplicate' });
    expect(refusalOf(() => load('', []))).toMatchObject({ code: 'policy_no_actions' });
  });
});

describe('a set that is right', () => {
  const all = `@id("p") @hold("x") @approvers("release-managers") @quorum("2") @deadline("90m") @valid("1.5h") @severity("low")
    @escalate("operators") @edits("ref") @raise_up_to("20.50") @mode("enforce") @reason("why") forbid (principal, action == Action::"git.push", resource);`;

  test('takes every annotation', () => {
    const ruling = load(`${all} @id("q") permit (principal, action == Action::"git.push", resource);`);
    expect(ruling.policies.find(({ id }) => id === 'p')?.annotations).toMatchObject({
      quorum: '2',
      escalate: 'operators',
      raise_up_to: '20.50',
    });
  });

  test('lists its policies and their actions, the built-in ones first', () => {
    const set = load(`\n${all} // note\n@id("q") permit (principal, action in [Action::"git.tag", Action::"git.commit"], resource);`);
    expect(set.policies.map(({ id, file, line, effect, actions }) => ({ id, file, line, effect, actions }))).toEqual([
      { id: 'holdpoint.reads', file: DEFAULT_POLICIES.file, line: 3, effect: 'permit', actions: null },
      { id: 'p', file: 'test.cedar', line: 2, effect: 'forbid', actions: ['git.push'] },
      { id: 'q', file: 'test.cedar', line: 4, effect: 'permit', actions: ['git.tag', 'git.commit'] },
    ]);
  });

  test('has a hash of its sources and schema, whatever their order', () => {
    const sources = [
      { file: 'a.cedar', text: push('@id("a")') },
      { file: 'b.cedar', text: push('@id("b")') },
    ];
    const hash = (parts: object) => loadPolicies({ sources, manifests: MANIFESTS, groups: GROUPS, ...parts }).hash;
    expect(hash({})).toMatch(/^[0-9a-f]{64}$/);
    expect(hash({ sources: sources.toReversed(), manifests: MANIFESTS.toReversed() })).toBe(hash({}));
    expect(hash({ sources: sources.slice(1) })).not.toBe(hash({}));
    expect(hash({ manifests: [...MANIFESTS, manifest('new.action')] })).not.toBe(hash({}));
  });

  test('names what policies cannot see', () => {
    expect(load('').unrepresented).toEqual([
      { action: 'math.add', path: 'input.price', why: 'may be a fraction, and Cedar has whole numbers only (use z.int(), or a string)' },
    ]);
  });

  test('keeps semicolons and slashes in texts and comments where they are', () => {
    const set = load(
      '// a; b "\n@id("p") @reason("x; // y \\" ;") permit (principal, action, resource) when { context.run.workflow == "//;" }; // c;',
    );
    expect(set.policies[1]).toMatchObject({ id: 'p', line: 2, annotations: { reason: 'x; // y " ;' } });
  });
});
