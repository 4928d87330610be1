import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { callOf, FACTS, load, MANIFESTS } from './manifests.fixture.ts';
import type { PolicyCall } from './judge.ts';

const PERMIT = '@id("pushes") permit (principal == Agent::"release-bot", action == Action::"git.push", resource);';
const HOLD =
  '@id("release-tag") @hold("A tag goes out") @approvers("release-managers") forbid (principal, action == Action::"git.push", resource);';
const PLAIN = '@id("freeze") @reason("Nothing ships in December") forbid (principal, action == Action::"git.push", resource);';
const OVERFLOW = `@id("adds") permit (principal, action == Action::"math.add", resource);
  @id("bounded") forbid (principal, action == Action::"math.add", resource) when { context.input.count + 9223372036854775807 > 5 };`;
const ADD = { action: 'math.add', facts: null } as const;

function denial(set: ReturnType<typeof load>, call: PolicyCall) {
  const ruling = set.rule(call);
  return ruling.kind === 'deny' ? ruling.denial : ruling;
}

describe('permits', () => {
  test('a permit allows, and the ruling names it and the set', () => {
    const set = load(PERMIT);
    expect(set.rule(callOf())).toEqual({ kind: 'allow', policies: ['pushes'], policySet: set.hash });
  });

  test('without a permit the call is denied, and the message says what to write', () => {
    const ruling = denial(load(''), callOf());
    expect(ruling).toMatchObject({ code: 'policy_silent', policies: [], askAgain: false, by: null });
    expect(ruling).toHaveProperty(
      'message',
      expect.stringContaining('permit (principal == Agent::"release-bot", action == Action::"git.push", resource);'),
    );
  });

  test('the message names permits whose conditions were not met', () => {
    const set = load(
      '@id("sandbox") permit (principal, action == Action::"git.push", resource) when { context.input.remote == "sandbox" };',
    );
    expect(denial(set, callOf())).toHaveProperty('message', expect.stringContaining('conditions this call does not meet: "sandbox"'));
  });

  test("another agent gains nothing from an agent's permit", () => {
    expect(denial(load(PERMIT), callOf({ agent: 'stranger' }))).toMatchObject({ code: 'policy_silent' });
  });

  test("policies see input, facts, the run, its requesters and labels, and the action's annotations", () => {
    const set = load(`@id("all") permit (principal, action == Action::"git.push", resource == Target::"git.push") when {
      context.input.ref like "refs/tags/v*" && context.facts.remoteUrl like "https://git.example.com/*" && !(context.facts has oldRef) &&
      context.run.workflow == "release" && context.run.requesters.contains("person:cy") && context.run.labels == ["team=core"] &&
      context.action.openWorld && !context.action.readOnly };`);
    expect(set.rule(callOf()).kind).toBe('allow');
    expect(set.rule(callOf({ facts: { ...FACTS, oldRef: 'v1' } })).kind).toBe('deny');
    expect(set.rule(callOf({ run: { workflow: 'release', requesters: [], labels: { team: 'core' } } })).kind).toBe('deny');
  });
});

describe('built-in defaults', () => {
  const set = load('');
  const of = (action: string, input: PolicyCall['input'] = {}) => set.rule(callOf({ agent: 'anyone', action, input, facts: null }));

  test('a read that stays at home is permitted to every agent', () => {
    expect(of('git.log')).toMatchObject({ kind: 'allow', policies: ['holdpoint.reads'] });
    expect(of('files.read', { path: 'README.md' }).kind).toBe('allow');
  });

  test('a read of the open world and a write need a policy', () => {
    expect(of('http.get', { url: 'https://example.com' })).toMatchObject({ denial: { code: 'policy_silent' } });
    expect(of('git.tag', { name: 'v1' })).toMatchObject({ denial: { code: 'policy_silent' } });
  });

  test('a forbid of the folder takes from them', () => {
    const strict = load('@id("blind") forbid (principal == Agent::"anyone", action, resource);');
    expect(strict.rule(callOf({ agent: 'anyone', action: 'git.log', input: {}, facts: null }))).toMatchObject({
      denial: { policies: ['blind'] },
    });
  });
});

describe('holds', () => {
  test('a hold and a permit ask for people, with the defaults of the annotations', () => {
    const set = load(PERMIT + HOLD);
    expect(set.rule(callOf())).toEqual({
      kind: 'requires',
      requires: [
        {
          policy: 'release-tag',
          reason: 'A tag goes out',
          approvers: 'release-managers',
          quorum: 1,
          deadline: 14_400_000,
          valid: 3_600_000,
          severity: 'medium',
          edits: [],
        },
      ],
      policies: ['pushes', 'release-tag'],
      policySet: set.hash,
    });
  });

  test('a hold without a permit is silent, whoever approved', () => {
    expect(denial(load(HOLD), callOf())).toMatchObject({ code: 'policy_silent' });
  });

  test('a plain forbid beside a hold wins, and the explanation still names what the hold asks', () => {
    const set = load(PERMIT + HOLD + PLAIN);
    expect(denial(set, callOf())).toMatchObject({
      code: 'policy_forbids',
      policies: ['freeze'],
      message: expect.stringContaining('Nothing ships in December'),
    });
    expect(set.explain(callOf())).toMatchObject({ second: null, requirements: [{ policy: 'release-tag' }] });
  });

  test('every hold that applies is listed, in the order of the ids, and none that does not', () => {
    const other = (id: string, when: string) => `@id("${id}") @hold("Also") @approvers("operators") @quorum("1") @deadline("30m")
      @valid("10m") @severity("critical") @edits("ref") forbid (principal, action, resource == Target::"git.push") when { ${when} };`;
    const text =
      PERMIT +
      HOLD +
      other('a-first', 'context.action.openWorld').replace('@edits("ref")', '') +
      other('z-never', 'context.action.readOnly').replace('@edits("ref")', '');
    const ruling = load(text).rule(callOf());
    expect(ruling.kind === 'requires' && ruling.requires.map(({ policy }) => policy)).toEqual(['a-first', 'release-tag']);
    expect(ruling).toMatchObject({ requires: [{ approvers: 'operators', deadline: 1_800_000, valid: 600_000, severity: 'critical' }, {}] });
  });

  test('the explanation shows both evaluations', () => {
    expect(load(PERMIT + HOLD).explain(callOf())).toMatchObject({
      considered: ['holdpoint.reads', 'pushes', 'release-tag'],
      first: { decision: 'deny', determining: ['release-tag'], errors: [] },
      second: { decision: 'allow', determining: ['pushes'], errors: [] },
    });
  });

  test('a hold whose exception is met does not ask', () => {
    const set = load(`${PERMIT} ${HOLD.slice(0, -1)} unless { context.facts.remoteUrl like "https://git.example.com/sandbox/*" };`);
    expect(set.rule(callOf()).kind).toBe('requires');
    expect(set.rule(callOf({ facts: { ...FACTS, remoteUrl: 'https://git.example.com/sandbox/x' } })).kind).toBe('allow');
    expect(set.rule(callOf({ facts: { ...FACTS, remoteUrl: 'https://evil.example/?https://git.example.com/sandbox/x' } })).kind).toBe(
      'requires',
    );
  });
});

describe('failing closed', () => {
  test('a forbid that cannot be evaluated denies, although a permit applies', () => {
    expect(denial(load(OVERFLOW), callOf({ ...ADD, input: { count: 3 } }))).toMatchObject({ code: 'policy_error', policies: ['bounded'] });
    expect(load(OVERFLOW).rule(callOf({ ...ADD, input: { count: -9_007_199_254_740_991 } }))).toMatchObject({
      denial: { code: 'policy_forbids' },
    });
  });

  test('an error beside a hold denies, and asks nobody', () => {
    const hold = '@id("asks") @hold("x") @approvers("operators") forbid (principal, action == Action::"math.add", resource);';
    expect(denial(load(OVERFLOW + hold), callOf({ ...ADD, input: { count: 3 } }))).toMatchObject({ code: 'policy_error' });
  });

  test.each([
    ['a fraction where the schema says integer', { count: 1.5 }, 'context.input.count is not a whole number'],
    ['a number beyond 2^53', { count: 2 ** 53 }, 'context.input.count'],
    ['text where the schema says integer', { count: '1' }, 'context.input.count'],
    ['a missing field', {}, 'context.input.count is missing'],
    ['null for an optional field', { count: 1, note: null }, 'context.input.note is not well-formed text'],
    ['a lone surrogate', { count: 1, note: '\ud800' }, 'context.input.note'],
    ['a list for an object', [], 'context.input is not an object'],
  ])('%s is refused, although no policy looks at it', (_, input, why) => {
    const set = load('@id("adds") permit (principal, action == Action::"math.add", resource);');
    expect(denial(set, callOf({ ...ADD, input }))).toMatchObject({ code: 'policy_error', message: expect.stringContaining(why) });
  });

  test('missing facts are refused', () => {
    expect(denial(load(PERMIT), callOf({ facts: null }))).toMatchObject({
      code: 'policy_error',
      message: expect.stringContaining('context.facts'),
    });
  });

  test.each(['__entity', '__extn', '__expr'])('an input with the key %s at any depth is invalid', (key) => {
    const input = { remote: 'o', ref: 'r', extra: [{ deep: { [key]: { type: 'Agent', id: 'root' } } }] };
    expect(denial(load(PERMIT), callOf({ input }))).toMatchObject({
      code: 'input_invalid',
      message: expect.stringContaining(`input.extra[0].deep.${key}`),
    });
    expect(denial(load(PERMIT), callOf({ facts: { ...FACTS, [key]: 1 } }))).toMatchObject({
      code: 'policy_error',
      message: expect.stringContaining(`facts.${key}`),
    });
  });

  test('an undeclared action is denied', () => {
    expect(denial(load(''), callOf({ action: 'git.psh' }))).toMatchObject({ code: 'action_undeclared' });
    expect(denial(load(''), callOf({ action: '__proto__' }))).toMatchObject({ code: 'action_undeclared' });
  });

  test('a label that could be read as another is refused', () => {
    const run = { workflow: 'w', requesters: [], labels: { 'a=b': 'c' } };
    expect(denial(load(PERMIT), callOf({ run }))).toMatchObject({ code: 'policy_error', message: expect.stringContaining('"a=b"') });
  });

  test('a value that Cedar cannot represent is left out of sight, and does not stop the call', () => {
    const set = load('@id("adds") permit (principal, action == Action::"math.add", resource);');
    expect(set.rule(callOf({ ...ADD, input: { count: 1, price: 0.5 } })).kind).toBe('allow');
  });
});

describe('properties', () => {
  const policy = (effect: 'permit' | 'forbid', hold: boolean) =>
    fc
      .record({
        principal: fc.constantFrom('principal', 'principal == Agent::"release-bot"', 'principal == Agent::"other"'),
        action: fc.constantFrom(
          'action',
          'action == Action::"git.push"',
          'action in [Action::"git.push", Action::"git.tag"]',
          'action == Action::"git.tag"',
        ),
        when: fc.constantFrom(
          '',
          'when { context.action.openWorld }',
          'unless { context.run.workflow == "release" }',
          'when { context.run has labels }',
        ),
      })
      .map(
        ({ principal, action, when }) =>
          `${hold ? '@hold("x") @approvers("operators") ' : ''}${effect} (${principal}, ${action}, resource) ${when};`,
      );
  const some = (effect: 'permit' | 'forbid', hold = false) => fc.array(policy(effect, hold), { maxLength: 4 });
  const numbered = (...texts: readonly string[]) => load(texts.map((text, index) => `@id("p${index}") ${text}`).join('\n'));
  const applies = (text: string) =>
    numbered(text.replace('forbid', 'permit').replace(/@hold\("x"\) @approvers\("operators"\) /, '')).rule(callOf()).kind === 'allow';

  test('plain forbids win, then a permit must remain, then holds ask', () => {
    fc.assert(
      fc.property(some('permit'), some('forbid'), some('forbid', true), (permits, forbids, holds) => {
        const ruling = numbered(...permits, ...forbids, ...holds).rule(callOf());
        const expected = forbids.some(applies)
          ? 'policy_forbids'
          : !permits.some(applies)
            ? 'policy_silent'
            : holds.some(applies)
              ? 'requires'
              : 'allow';
        expect(ruling.kind === 'deny' ? ruling.denial.code : ruling.kind).toBe(expected);
        if (ruling.kind === 'requires') expect(ruling.requires).toHaveLength(holds.filter(applies).length);
      }),
      { numRuns: 60 },
    );
  });

  test('no permit that is added turns a plain forbid into anything else', () => {
    fc.assert(
      fc.property(some('permit'), some('forbid', true), (permits, holds) => {
        const ruling = numbered(PLAIN.replace('@id("freeze") ', ''), ...permits, ...holds).rule(callOf());
        expect(ruling).toMatchObject({ kind: 'deny', denial: { code: 'policy_forbids' } });
      }),
      { numRuns: 40 },
    );
  });

  test('an error denies whatever else stands beside it', () => {
    const failing =
      'forbid (principal, action == Action::"git.push", resource) when { if context.input.ref == "" then true else 9223372036854775807 + context.facts.size > 0 };';
    const sized = MANIFESTS.map((one) => (one.action === 'git.push' ? { ...one, facts: SIZED.facts } : one));
    fc.assert(
      fc.property(some('permit'), some('forbid', true), (permits, holds) => {
        const text = [failing, ...permits, ...holds].map((one, index) => `@id("p${index}") ${one}`).join('\n');
        expect(load(text, sized).rule(callOf({ facts: { size: 1 } }))).toMatchObject({
          kind: 'deny',
          denial: { code: 'policy_error', policies: ['p0'] },
        });
      }),
      { numRuns: 40 },
    );
  });
});

/** Facts with a number in them. */
const SIZED = { facts: { type: 'object', properties: { size: { type: 'integer' } }, required: ['size'] } } as const;

describe('policies in observe', () => {
  const OBSERVED_HOLD = HOLD.replace('@approvers', '@mode("observe") @approvers');
  const OBSERVED_FORBID = PLAIN.replace('@reason', '@mode("observe") @reason');

  test('let pass what they would hold, and say whom they would ask', () => {
    const ruling = load(`${PERMIT}${OBSERVED_HOLD}`).rule(callOf());
    expect(ruling).toMatchObject({
      kind: 'allow',
      policies: ['pushes'],
      wouldBe: { verdict: 'hold', what: 'approval', reason: 'A tag goes out', policies: ['release-tag'], asks: ['release-managers'] },
    });
  });

  test('let pass what they would forbid, and say so', () => {
    expect(load(`${PERMIT}${OBSERVED_FORBID}`).rule(callOf())).toMatchObject({
      kind: 'allow',
      wouldBe: { verdict: 'deny', what: 'policy_forbids', policies: ['freeze'] },
    });
  });

  test('add nothing to a ruling that they would not change, and never permit', () => {
    expect(load(`${PERMIT}${OBSERVED_HOLD.replace('git.push', 'git.log')}`).rule(callOf())).not.toHaveProperty('wouldBe');
    expect(denial(load(OBSERVED_HOLD), callOf())).toMatchObject({ code: 'policy_silent' });
    expect(load(`${PERMIT}${HOLD}${OBSERVED_FORBID}`).rule(callOf()).kind).toBe('requires');
  });

  test('are forbids: a permit that does nothing would refuse', () => {
    expect(() => load(PERMIT.replace(' permit', ' @mode("observe") permit'))).toThrow('@mode("observe") stands on a permit');
  });
});
