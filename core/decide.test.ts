import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { ModelLedger } from './model-ledger.fixture.ts';
import type { Micros } from './names.ts';
import { decision, DENIED, FORBIDDEN, HOUR, LEASE, request, requires, result, sampleRun, START } from './sample.fixture.ts';
import type { Asking } from './sample.fixture.ts';
import type { Verdict } from './verdict.ts';

const none = 0 as Micros;

/** Asks and settles as succeeded where it is allowed. */
function does(ledger: ModelLedger, key: string, asking: Asking = {}): Verdict['kind'] {
  const asked = request(key, asking);
  const verdict = ledger.claim(asked);
  if (verdict.kind === 'allow') ledger.settle(asked.key, asked.token, { kind: 'succeeded', spend: none, result: result('done') });
  return verdict.kind;
}

describe('a call that nothing stands against', () => {
  it('is allowed, reserves its worst case, and is recorded as claimed before it begins', () => {
    const ledger = new ModelLedger(sampleRun());
    const asked = request('/1', { worst: 70 });
    expect(ledger.claim(asked)).toEqual({ kind: 'allow', reserve: 70, grant: null });
    expect(ledger.calls.get(asked.key)).toMatchObject({
      attempts: 1,
      claimedAt: START,
      state: { kind: 'claimed', leaseUntil: START + LEASE },
    });
    expect(ledger.run.used).toMatchObject({ steps: 1, reserved: 70 });
    expect(ledger.audit).toMatchObject([{ kind: 'call.claimed', body: { attempt: 1, reserve: 70, policySet: 'set' } }]);
  });

  it('is answered the same when its token asks again, and costs no second step', () => {
    const ledger = new ModelLedger(sampleRun());
    const asked = request('/1', { worst: 70 });
    expect(ledger.claim(asked)).toEqual(ledger.claim(asked));
    expect(ledger.run.used).toMatchObject({ steps: 1, reserved: 70 });
  });

  it('opens a run again that had ended', () => {
    const ledger = new ModelLedger(sampleRun());
    ledger.close('succeeded');
    expect(does(ledger, '/1')).toBe('allow');
    expect(ledger.run.closed).toBeNull();
  });
});

describe('a killed run', () => {
  it.each([
    ['that is fenced', (ledger: ModelLedger) => ledger.fence()],
    ['that closed as killed', (ledger: ModelLedger) => ledger.close('killed')],
  ])('%s answers nothing but that, and writes nothing', (_, kill) => {
    const ledger = new ModelLedger(sampleRun());
    does(ledger, '/1');
    kill(ledger);
    for (const asked of [request('/1'), request('/2'), request('/3', { ruling: DENIED }), request('/4', { ruling: requires() })]) {
      expect(decide(ledger.facts(asked))).toMatchObject({ verdict: { kind: 'fenced' }, call: null, closes: [], audit: [] });
    }
  });

  it('does not let the token of an earlier claim begin any more', () => {
    const ledger = new ModelLedger(sampleRun());
    const asked = request('/1');
    ledger.claim(asked);
    ledger.fence();
    expect(ledger.claim(asked)).toEqual({ kind: 'fenced' });
  });
});

describe('a call that the policies refuse', () => {
  it('is denied with their reason, costs no step, and is recorded', () => {
    const ledger = new ModelLedger(sampleRun());
    expect(ledger.claim(request('/1', { ruling: DENIED }))).toEqual({ kind: 'deny', denial: FORBIDDEN });
    expect(ledger.run).toMatchObject({ used: { steps: 0 }, meters: { failures: 1 } });
    expect(ledger.audit).toMatchObject([{ kind: 'call.refused', body: { code: 'policy_forbids', policies: ['never'] } }]);
  });

  it('is judged afresh when it is asked again', () => {
    const ledger = new ModelLedger(sampleRun());
    does(ledger, '/1', { ruling: DENIED });
    expect(does(ledger, '/1')).toBe('allow');
  });

  it('loses an approval that it had not used', () => {
    const ledger = new ModelLedger(sampleRun());
    const asked = request('/1', { ruling: requires() });
    ledger.claim(asked);
    ledger.decide(asked.freshHold, decision());
    expect(does(ledger, '/1', { ruling: DENIED })).toBe('deny');
    expect(ledger.holds.get(asked.freshHold)?.state).toMatchObject({ kind: 'withdrawn' });
    expect(ledger.audit).toContainEqual({
      kind: 'hold.withdrawn',
      body: { hold: asked.freshHold, why: 'the policies refuse the call now' },
    });
  });

  it('stops the run when an agent catches the refusal and tries again for ever', () => {
    const ledger = new ModelLedger(sampleRun({ failures: 3 }));
    const answers = ['/1', '/2', '/3', '/4', '/5'].map((key, index) => does(ledger, key, { ruling: DENIED, args: `v${index}` }));
    expect(answers).toEqual(['deny', 'deny', 'deny', 'hold', 'hold']);
  });

  it('stops the run when it is asked for in the same words again and again', () => {
    const ledger = new ModelLedger(sampleRun({ identical: 2, failures: 100 }));
    expect(['/1', '/2', '/3'].map((key) => does(ledger, key, { ruling: DENIED }))).toEqual(['deny', 'deny', 'hold']);
  });

  it('is denied, not held, where only steps or money are used up, since it would start nothing', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 1, spend: 10 as Micros }));
    does(ledger, '/1');
    expect(does(ledger, '/2', { ruling: DENIED, args: 'v2', worst: 11 })).toBe('deny');
  });
});

describe('a call that would pass a limit', () => {
  it('opens one hold for the whole run, at which every other call waits as well', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 1 }));
    does(ledger, '/1');
    const first = request('/2', { args: 'v2' });
    const verdict = ledger.claim(first);
    expect(verdict).toMatchObject({
      kind: 'hold',
      hold: { id: first.freshHold, kind: 'breaker', key: null, decideBy: null, reason: '1 of 1 steps are used.' },
    });
    expect(ledger.claim(request('/3', { args: 'v3' }))).toMatchObject({ kind: 'hold', hold: { id: first.freshHold } });
    expect(ledger.run).toMatchObject({ openHolds: 1, used: { steps: 1 } });
    expect([...ledger.calls.values()].map((call) => call.waitingFor)).toEqual([null, first.freshHold, first.freshHold]);
  });

  it('names everything that it would pass in one hold', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 1, spend: 10 as Micros }));
    does(ledger, '/1');
    const verdict = ledger.claim(request('/2', { worst: 11, args: 'v2' }));
    expect(verdict).toMatchObject({ hold: { shown: { title: 'release-bot reached its limit of steps and spend' } } });
  });

  it('goes on by exactly as much as an operator raises', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 1 }));
    does(ledger, '/1');
    const held = request('/2', { args: 'v2' });
    ledger.claim(held);
    expect(ledger.decide(held.freshHold, decision({ choice: 'raise', raise: { steps: 1 } }))).toMatchObject({ kind: 'accepted' });
    expect(['/2', '/3'].map((key, index) => does(ledger, key, { args: `v${index + 2}` }))).toEqual(['allow', 'hold']);
  });

  it('is killed where an operator chooses so', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 1 }));
    does(ledger, '/1');
    const held = request('/2', { args: 'v2' });
    ledger.claim(held);
    expect(ledger.decide(held.freshHold, decision({ choice: 'kill', note: 'runaway' }))).toMatchObject({
      kind: 'accepted',
      kill: 'runaway',
    });
    expect(does(ledger, '/2')).toBe('fenced');
  });

  it('still answers with the record of what has succeeded', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 1 }));
    does(ledger, '/1');
    ledger.claim(request('/2', { args: 'v2' }));
    expect(ledger.claim(request('/1'))).toEqual({ kind: 'recorded', result: result('done') });
  });

  it('never passes the last step or the last micro-dollar, however many ask at once', () => {
    const ledger = new ModelLedger(sampleRun({ steps: 7, spend: 100 as Micros, identical: 1_000 }));
    const verdicts = Array.from({ length: 50 }, (_, index) => ledger.claim(request(`/${index + 1}`, { args: `v${index}`, worst: 20 })));
    expect(verdicts.filter(({ kind }) => kind === 'allow')).toHaveLength(5);
    expect(ledger.run.used).toMatchObject({ steps: 5, reserved: 100 });
  });
});

describe('what a waiting call hears', () => {
  it('is the same hold however often it asks, and nothing is written again', () => {
    const ledger = new ModelLedger(sampleRun());
    ledger.claim(request('/1', { ruling: requires() }));
    expect(decide(ledger.facts(request('/1', { ruling: requires() })))).toMatchObject({
      verdict: { kind: 'hold' },
      call: null,
      closes: [],
      audit: [],
    });
  });

  it('is when to ask again: just after the deadline, and within the hour', () => {
    const ledger = new ModelLedger(sampleRun());
    expect(ledger.claim(request('/1', { ruling: requires({ deadline: 60_000 }) }))).toMatchObject({ askAgainAfter: 60_020 });
    expect(ledger.claim(request('/2', { ruling: requires({ deadline: 9 * HOUR }) }))).toMatchObject({ askAgainAfter: HOUR });
  });

  it('is the hold that its own token opened, when the reply was lost', () => {
    const ledger = new ModelLedger(sampleRun());
    const asked = request('/1', { ruling: requires() });
    expect(ledger.claim(asked)).toEqual(ledger.claim(asked));
    expect(ledger.holds.size).toBe(1);
  });
});
