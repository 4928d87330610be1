import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHOICES, HOLD_KINDS, HOLD_RULES } from './hold.ts';
import type { Hold, HoldState, Raise, Vote } from './hold.ts';
import type { CanonicalText, Digest, StepKey } from './names.ts';
import { deciders, expireHold, ruleDecision } from './rule-decision.ts';
import type { DecisionAsk } from './rule-decision.ts';
import type { HoldFacts, Ruling } from './ruling.ts';
import { decision, GROUPS, HOUR, requirement, result, sampleRun, START } from './sample.fixture.ts';

function hold(rest: Partial<Hold> = {}): Hold {
  const base = { id: 'hold-1', run: 'run-1', key: '/1' as StepKey, kind: 'approval', state: { kind: 'open' }, version: 1 } as const;
  const shown = { title: 'push', fields: [], evidence: [] };
  const clocks = { openedAt: START, decideBy: START + HOUR };
  return {
    ...base,
    ...clocks,
    shown,
    digest: 'd' as Digest,
    reason: 'why',
    requires: [requirement()],
    policySet: 'set',
    edit: null,
    result: null,
    ...rest,
  };
}

const breaker = hold({ kind: 'breaker', key: null, digest: null, requires: [], decideBy: null });
const unknown = hold({ kind: 'unknown-outcome', requires: [], decideBy: null });
const diverged = hold({ kind: 'diverged', requires: [], decideBy: null });

function rule(facts: Partial<HoldFacts> = {}, ask: Partial<DecisionAsk> = {}): Ruling {
  return ruleDecision({ now: START, run: sampleRun(), hold: hold(), votes: [], evidence: null, ...facts }, decision(ask));
}

const vote = (person: string, version = 1): Vote => ({ person, version, choice: 'approve', at: START });
const code = (ruling: Ruling): string => (ruling.kind === 'refused' ? ruling.refusal.code : ruling.kind);

describe('a decision', () => {
  it('grants where the quorum is one, until the shortest time of use is over', () => {
    const requires = [requirement({ valid: 9_000 }), requirement({ policy: 'secure', valid: 5_000 })];
    expect(rule({ hold: hold({ requires }) })).toMatchObject({
      kind: 'accepted',
      hold: { version: 1, state: { kind: 'granted', by: ['person:ada'], choice: 'approve', useBy: START + 5_000 } },
      vote: { person: 'person:ada', version: 1 },
      audit: [{ kind: 'hold.granted', body: { hold: 'hold-1', by: 'person:ada', digest: 'd' } }],
    });
  });

  it('denies at once, whatever the quorum', () => {
    const asked = hold({ requires: [requirement({ quorum: 2 })] });
    expect(rule({ hold: asked }, { choice: 'deny', note: 'no' })).toMatchObject({
      hold: { state: { kind: 'denied', by: 'person:ada', note: 'no' } },
      kill: null,
    });
  });

  it.each([
    ['deny', hold()],
    ['kill', breaker],
    ['kill', diverged],
  ] as const)('to %s says why', (choice, asked) => {
    expect(code(rule({ hold: asked }, { choice, note: '  ' }))).toBe('note_required');
  });

  it.each<[string, HoldState]>([
    ['granted', { kind: 'granted', by: ['person:bob'], at: START, choice: 'approve', useBy: null, note: null }],
    ['denied', { kind: 'denied', by: 'person:bob', at: START, choice: 'deny', note: 'no' }],
    ['expired', { kind: 'expired', at: START }],
    ['withdrawn', { kind: 'withdrawn', at: START, why: 'the arguments changed' }],
  ])('comes too late where the hold is %s: the first stands', (word, state) => {
    const ruling = rule({ hold: hold({ state }) });
    expect(ruling).toMatchObject({
      kind: 'refused',
      hold: null,
      refusal: { kind: 'conflict', code: 'hold_closed', message: expect.stringContaining(word) },
    });
  });

  it('on what a person saw before somebody changed it does not count for the changed one', () => {
    expect(code(rule({ hold: hold({ version: 2 }) }, { seenVersion: 1 }))).toBe('hold_changed');
  });

  it.each([
    ['killed', { fencedAt: START }, 'run_killed'],
    ['over', { closed: 'succeeded' }, 'run_closed'],
  ] as const)('is refused where the run is %s', (_, rest, expected) => {
    expect(code(rule({ run: { ...sampleRun(), ...rest } }))).toBe(expected);
  });
});

describe('the clock of a hold', () => {
  it('leaves the last millisecond to people, and closes it after that', () => {
    expect(rule({ now: START + HOUR })).toMatchObject({ kind: 'accepted' });
    expect(rule({ now: START + HOUR + 1 })).toMatchObject({
      kind: 'refused',
      refusal: { code: 'hold_expired' },
      hold: { state: { kind: 'expired', at: START + HOUR } },
      audit: [{ kind: 'hold.expired' }],
    });
  });

  it('never approves, and moves nothing but an open hold', () => {
    const instant = fc.integer({ min: 0, max: 2 * START + HOUR });
    fc.assert(
      fc.property(instant, (now) => {
        expect(expireHold(hold(), now)?.state.kind ?? 'open').toBe(now > START + HOUR ? 'expired' : 'open');
      }),
    );
    expect(expireHold(hold({ state: { kind: 'withdrawn', at: START, why: '' } }), Infinity)).toBeNull();
    expect(expireHold(breaker, Infinity)).toBeNull();
  });
});

describe('who decides', () => {
  it('is never somebody who asked for the run, although every group has them', () => {
    for (const [asked, choice] of [
      [hold(), 'approve'],
      [breaker, 'raise'],
      [unknown, 'failed'],
      [diverged, 'run-again'],
    ] as const) {
      expect(rule({ hold: asked }, { person: 'person:req', choice, raise: choice === 'raise' ? { steps: 1 } : null })).toMatchObject({
        kind: 'refused',
        refusal: { kind: 'refused', code: 'requester_decides' },
      });
    }
  });

  it('is a member of a group that is asked, at this moment', () => {
    expect(code(rule({}, { person: 'person:mallory' }))).toBe('not_eligible');
    expect(code(rule({}, { person: 'person:cy' }))).toBe('not_eligible');
    expect(code(rule({}, { groups: {} }))).toBe('not_eligible');
    expect(code(rule({}, { groups: { managers: ['person:mallory'] }, person: 'person:mallory' }))).toBe('accepted');
  });

  it('are the operators where no policy names a group', () => {
    for (const asked of [breaker, unknown, diverged]) expect(deciders(asked)).toEqual([{ approvers: 'operators', quorum: 1 }]);
  });

  it('counts once', () => {
    expect(code(rule({ hold: hold({ requires: [requirement({ quorum: 2 })] }), votes: [vote('person:ada')] }))).toBe('already_voted');
  });
});

describe('a quorum', () => {
  const two = hold({ requires: [requirement({ quorum: 2 })] });

  it('stays open below its number, and is granted at it', () => {
    expect(rule({ hold: two })).toMatchObject({ hold: { state: { kind: 'open' } }, audit: [{ kind: 'hold.voted' }] });
    expect(rule({ hold: two, votes: [vote('person:ada')] }, { person: 'person:bob' })).toMatchObject({
      hold: { state: { by: ['person:ada', 'person:bob'] } },
    });
  });

  it('is needed of every group that is asked', () => {
    const both = hold({ requires: [requirement(), requirement({ policy: 'secure', approvers: 'security' })] });
    expect(rule({ hold: both })).toMatchObject({ hold: { state: { kind: 'open' } } });
    expect(rule({ hold: both, votes: [vote('person:ada')] }, { person: 'person:cy' })).toMatchObject({
      hold: { state: { kind: 'granted' } },
    });
  });

  it('loses who has left the group since', () => {
    const groups = { managers: ['person:bob', 'person:eve'] };
    expect(rule({ hold: two, votes: [vote('person:ada')] }, { person: 'person:bob', groups })).toMatchObject({
      hold: { state: { kind: 'open' } },
    });
    expect(rule({ hold: two, votes: [vote('person:ada'), vote('person:bob')] }, { person: 'person:eve', groups })).toMatchObject({
      hold: { state: { kind: 'granted', by: ['person:bob', 'person:eve'] } },
    });
  });

  it('is never met by fewer different people than it asks for, whoever votes in whatever order', () => {
    const people = fc.array(fc.constantFrom('person:ada', 'person:bob', 'person:cy', 'person:req', 'person:mallory'), { maxLength: 12 });
    fc.assert(
      fc.property(people, fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), (voters, a, b) => {
        const requires = [requirement({ quorum: a }), requirement({ policy: 'secure', approvers: 'security', quorum: b })];
        let asked = hold({ requires });
        let votes: readonly Vote[] = [];
        for (const person of voters) {
          const ruling = rule({ hold: asked, votes }, { person });
          if (ruling.kind === 'refused') continue;
          asked = ruling.hold;
          votes = [...votes, ruling.vote];
        }
        const agreed = (group: string) => new Set(voters.filter((one) => one !== 'person:req' && GROUPS[group]?.includes(one))).size;
        expect(asked.state.kind === 'granted').toBe(agreed('managers') >= a && agreed('security') >= b);
      }),
    );
  });
});

describe('an edit', () => {
  const edit = '{"tag":"v9"}' as CanonicalText;
  const two = hold({ requires: [requirement({ quorum: 2 })] });

  it('makes a new version, for which the editor has voted and nobody else', () => {
    const ruling = rule({ hold: two, votes: [vote('person:ada')] }, { person: 'person:bob', edit });
    expect(ruling).toMatchObject({
      hold: { version: 2, digest: 'd', state: { kind: 'open' }, edit: { version: 2, changes: edit, by: 'person:bob' } },
      vote: { person: 'person:bob', version: 2 },
      audit: [{ kind: 'hold.voted', body: { version: 2, edit } }],
    });
  });

  it('is granted when others approve that very version', () => {
    const asked = { ...two, version: 2, edit: { version: 2, changes: edit, by: 'person:bob' } };
    const votes = [vote('person:ada'), vote('person:bob', 2)];
    expect(rule({ hold: asked, votes }, { seenVersion: 2 })).toMatchObject({
      hold: { edit: { version: 2 }, state: { by: ['person:bob', 'person:ada'] } },
    });
  });

  it('comes with an approval alone', () => {
    expect(code(rule({}, { choice: 'deny', note: 'no', edit }))).toBe('choice_mismatch');
  });
});

describe('choices', () => {
  it('are those of the hold’s kind, and no others', () => {
    for (const kind of HOLD_KINDS) {
      for (const choice of CHOICES) {
        const raise = choice === 'raise' ? { steps: 1 } : null;
        const ruling = rule({ hold: hold({ kind }), evidence: result('r') }, { choice, raise, note: 'why', person: 'person:ada' });
        expect(code(ruling), `${kind} ${choice}`).toBe(HOLD_RULES[kind].choices.includes(choice) ? 'accepted' : 'choice_unknown');
      }
    }
  });

  it('to kill fences the run with the reason', () => {
    expect(rule({ hold: breaker }, { choice: 'kill', note: 'runaway' })).toMatchObject({
      kill: 'runaway',
      raise: null,
      hold: { state: { kind: 'denied', choice: 'kill' } },
    });
  });

  it('to raise pass on the amounts, and grant without a time of use', () => {
    expect(rule({ hold: breaker }, { choice: 'raise', raise: { steps: 5 } })).toMatchObject({
      raise: { steps: 5 },
      hold: { state: { kind: 'granted', useBy: null } },
    });
  });

  it.each([
    [null],
    [{}],
    [{ steps: 0 }],
    [{ steps: -1 }],
    [{ steps: 1.5 }],
    [{ spend: Number.NaN }],
    [{ time: Infinity }],
    [{ spend: Number.MAX_SAFE_INTEGER }],
    [{ stepz: 1 }],
  ])('to raise by %j are refused', (raise) => {
    expect(code(rule({ hold: breaker }, { choice: 'raise', raise: raise as Raise | null }))).toBe('raise_invalid');
  });

  it('take amounts, results and edits only where they mean something', () => {
    expect(code(rule({}, { raise: { steps: 1 } }))).toBe('choice_mismatch');
    expect(code(rule({ hold: unknown }, { choice: 'failed', result: result('r') }))).toBe('choice_mismatch');
  });

  it('to vouch for a success need a result: the person’s, or what a late settle told', () => {
    expect(code(rule({ hold: unknown }, { choice: 'succeeded' }))).toBe('result_required');
    expect(rule({ hold: unknown, evidence: result('late') }, { choice: 'succeeded' })).toMatchObject({
      result: result('late'),
      hold: { result: result('late') },
    });
    expect(rule({ hold: unknown, evidence: result('late') }, { choice: 'succeeded', result: result('own') })).toMatchObject({
      result: result('own'),
    });
  });
});
