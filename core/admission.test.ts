import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { ModelLedger } from './model-ledger.fixture.ts';
import { ruleDecision } from './rule-decision.ts';
import { decision, DENIED, request, requires, sampleRun, START } from './sample.fixture.ts';
import type { Admission, Mode, Run } from './run.ts';
import type { AgentAnswer, Facts } from './verdict.ts';

/** A run that was started elsewhere: nobody knows who asked for it. */
const adopted = (admission: Admission, mode: Mode = 'enforce'): Run => ({ ...sampleRun(), admission, mode, requesters: [] });

function facts(run: Run, agent: AgentAnswer | null, asking: Parameters<typeof request>[1] = {}): Facts {
  return { ...new ModelLedger(run).facts(request('/1', asking)), agent };
}

describe('an agent that nobody registered', () => {
  it('is held at its first call, for the operators to say whether it may act', () => {
    const decided = decide(facts(adopted('hold'), null));
    expect(decided.verdict).toMatchObject({ kind: 'hold', hold: { kind: 'admission', key: null, decideBy: null, requires: [] } });
    expect(decided.audit).toMatchObject([{ kind: 'hold.opened', body: { holdKind: 'admission' } }]);
  });

  it('is refused where the installation says so, and told that asking again is no use', () => {
    expect(decide(facts(adopted('refuse'), null)).verdict).toMatchObject({
      kind: 'deny',
      denial: { code: 'agent_unknown', askAgain: false },
    });
  });

  it.each(['hold', 'refuse'] as const)('passes once it was admitted, and is refused once it was refused (%s)', (admission) => {
    expect(decide(facts(adopted(admission), 'admitted')).verdict.kind).toBe('allow');
    expect(decide(facts(adopted(admission), 'refused')).verdict).toMatchObject({ kind: 'deny', denial: { code: 'agent_refused' } });
  });

  it('is still judged by policies and limits when it was admitted', () => {
    expect(decide(facts(adopted('hold'), 'admitted', { ruling: DENIED })).verdict.kind).toBe('deny');
  });

  it('has its open question closed by an answer that was given for another run of it', () => {
    const run = adopted('hold');
    const ledger = new ModelLedger(run);
    const asked = ledger.claim(request('/1'));
    if (asked.kind !== 'hold') throw new Error('it was not held');
    const decided = decide({ ...ledger.facts(request('/1')), agent: 'admitted' });
    expect(decided.verdict.kind).toBe('allow');
    expect(decided.closes).toMatchObject([{ hold: asked.hold.id, state: { kind: 'withdrawn', why: 'the agent was admitted' } }]);
  });

  it('is answered for by one operator, and a refusal says why', () => {
    const ledger = new ModelLedger(adopted('hold'));
    const asked = ledger.claim(request('/1'));
    if (asked.kind !== 'hold') throw new Error('it was not held');
    const about = { now: START, run: ledger.run, hold: asked.hold, votes: [], evidence: null };
    expect(ruleDecision(about, decision({ choice: 'admit' }))).toMatchObject({
      kind: 'accepted',
      agent: 'admitted',
      hold: { state: { kind: 'granted' } },
    });
    expect(ruleDecision(about, decision({ choice: 'refuse' }))).toMatchObject({ kind: 'refused', refusal: { code: 'note_required' } });
    expect(ruleDecision(about, decision({ choice: 'refuse', note: 'unknown' }))).toMatchObject({
      kind: 'accepted',
      agent: 'refused',
      hold: { state: { kind: 'denied' } },
    });
    expect(ruleDecision(about, decision({ choice: 'admit', person: 'person:bob' }))).toMatchObject({ refusal: { code: 'not_eligible' } });
  });
});

describe('an unknown requester', () => {
  const held = (quorum: number) => {
    const decided = decide(facts(adopted('hold'), 'admitted', { ruling: requires({ quorum, approvers: 'managers' }) }));
    if (decided.verdict.kind !== 'hold') throw new Error('it was not held');
    return decided.verdict.hold;
  };
  const rule = (quorum: number, groups: Record<string, readonly string[]>, voted: readonly string[], person: string) =>
    ruleDecision(
      {
        now: START,
        run: adopted('hold'),
        hold: held(quorum),
        votes: voted.map((one) => ({ person: one, version: 1, choice: 'approve', at: START })),
        evidence: null,
      },
      decision({ person, groups }),
    );
  const state = (ruling: ReturnType<typeof rule>) => (ruling.kind === 'accepted' ? ruling.hold.state.kind : ruling.refusal.code);

  it('raises the quorum by one', () => {
    const groups = { managers: ['person:ada', 'person:bob'], operators: ['person:cy'] };
    expect(held(1).requires).toMatchObject([{ quorum: 2, unknownRequester: true }]);
    expect(state(rule(1, groups, [], 'person:ada'))).toBe('open');
    expect(state(rule(1, groups, ['person:ada'], 'person:bob'))).toBe('granted');
    expect(state(rule(1, groups, ['person:ada'], 'person:cy'))).toBe('not_eligible');
  });

  it('brings in the operators where the group has too few', () => {
    const groups = { managers: ['person:ada'], operators: ['person:cy'] };
    expect(state(rule(1, groups, ['person:ada'], 'person:cy'))).toBe('granted');
  });

  it('never asks for more people than there are, nor for fewer than the policy', () => {
    expect(state(rule(1, { managers: ['person:ada'], operators: ['person:ada'] }, [], 'person:ada'))).toBe('granted');
    expect(state(rule(2, { managers: ['person:ada'], operators: ['person:ada'] }, [], 'person:ada'))).toBe('open');
  });
});

describe('a run in observe', () => {
  const run = { ...sampleRun(), mode: 'observe' as const };

  it.each([
    ['would be denied', { ruling: DENIED }, { verdict: 'deny', what: 'policy_forbids', asks: [] }],
    ['would be held', { ruling: requires({}) }, { verdict: 'hold', what: 'approval', policies: ['release'], asks: ['managers'] }],
  ] as const)('passes a call that %s, and records it', (_, asking, observed) => {
    const decided = decide(new ModelLedger(run).facts(request('/1', asking)));
    expect(decided).toMatchObject({ verdict: { kind: 'allow' }, call: { state: { kind: 'claimed' } }, observed });
    expect(decided.closes).toEqual([]);
    expect(decided.audit).toMatchObject([{ kind: 'call.claimed' }, { kind: 'call.observed', body: observed }]);
  });

  it('passes a call that would trip its limits, and says whom that would ask', () => {
    const spent = { ...run, used: { ...run.used, steps: run.limits.steps } };
    expect(decide(new ModelLedger(spent).facts(request('/1')))).toMatchObject({
      verdict: { kind: 'allow' },
      observed: { verdict: 'hold', what: 'breaker', asks: ['operators'] },
    });
  });

  it('judges the calls of an agent that nobody answered for as if it were admitted, and those of a refused one as refused', () => {
    const run = adopted('hold', 'observe');
    expect(decide(facts(run, null))).toMatchObject({ verdict: { kind: 'allow' }, observed: null });
    expect(decide(facts(run, null, { ruling: DENIED }))).toMatchObject({
      verdict: { kind: 'allow' },
      observed: { what: 'policy_forbids' },
    });
    expect(decide(facts(run, 'refused'))).toMatchObject({ verdict: { kind: 'allow' }, observed: { what: 'agent_refused' } });
  });

  it('passes a repeated call and one whose first attempt may still run', () => {
    const ledger = new ModelLedger(run);
    ledger.claim(request('/1'));
    expect(decide(ledger.facts(request('/1')))).toMatchObject({ verdict: { kind: 'allow' }, observed: { verdict: 'later' } });
  });

  it('records nothing beside a call that enforcement lets pass', () => {
    expect(decide(new ModelLedger(run).facts(request('/1'))).observed).toBeNull();
  });

  it('is stopped by the kill fence all the same', () => {
    const ledger = new ModelLedger(run);
    ledger.fence();
    expect(decide(ledger.facts(request('/1'))).verdict).toEqual({ kind: 'fenced' });
  });
});

describe('a policy in observe', () => {
  it('leaves a call that passes as it is, and records what it would have said', () => {
    const wouldBe = { verdict: 'hold', what: 'approval', reason: 'why', policies: ['p'], asks: ['managers'] } as const;
    const ruling = { kind: 'allow', policies: ['permit'], policySet: 'set', wouldBe } as const;
    expect(decide(new ModelLedger(sampleRun()).facts(request('/1', { ruling })))).toMatchObject({
      verdict: { kind: 'allow' },
      observed: wouldBe,
    });
  });
});
