import { beforeEach, describe, expect, it } from 'vitest';
import type { CallRequest, Outcome } from './call.ts';
import type { Choice } from './hold.ts';
import { ModelLedger } from './model-ledger.fixture.ts';
import type { Micros, StepKey } from './names.ts';
import { decision, DENIED, LEASE, request, requires, result, sampleRun } from './sample.fixture.ts';
import type { Asking } from './sample.fixture.ts';
import type { Verdict } from './verdict.ts';

const KEY = '/1' as StepKey;
const none = 0 as Micros;
const succeeded: Outcome = { kind: 'succeeded', spend: none, result: result('first') };
const unknown: Outcome = { kind: 'unknown', spend: none, error: 'the connection broke' };

let ledger: ModelLedger;
beforeEach(() => {
  ledger = new ModelLedger(sampleRun());
});

function claimed(asking: Asking = {}): CallRequest {
  const asked = request(KEY, asking);
  expect(ledger.claim(asked)).toMatchObject({ kind: 'allow' });
  return asked;
}

function settled(outcome: Outcome, asking: Asking = {}): void {
  const { token } = claimed(asking);
  expect(ledger.settle(KEY, token, outcome)).toBe('settled');
}

const ask = (asking: Asking = {}): Verdict => ledger.claim(request(KEY, asking));

/** Asks, is held, and lets an operator choose. */
function decided(choice: Choice, asking: Asking = {}): void {
  const verdict = ask(asking);
  if (verdict.kind !== 'hold') throw new Error(`Not held: ${verdict.kind}.`);
  const vouched = choice === 'succeeded' ? result('vouched') : null;
  expect(ledger.decide(verdict.hold.id, decision({ choice, note: 'I looked', result: vouched }))).toMatchObject({ kind: 'accepted' });
}

describe('a call that succeeded', () => {
  it('answers with its result for ever, whatever the policies say by now', () => {
    settled(succeeded);
    for (const ruling of [requires(), DENIED]) expect(ask({ ruling })).toEqual({ kind: 'recorded', result: result('first') });
    expect(ledger.run.used.steps).toBe(1);
  });

  it('answers with its result although the facts have changed', () => {
    settled(succeeded);
    expect(ask({ facts: 'f2' })).toMatchObject({ kind: 'recorded' });
  });
});

describe('a call that is under way', () => {
  it.each([
    ['the same arguments', {}],
    ['other arguments', { args: 'v2' }],
  ])('is waited for while its lease stands, by %s', (_, asking) => {
    claimed();
    ledger.advance(LEASE - 1);
    expect(ask(asking)).toMatchObject({ kind: 'later', after: 2 });
  });

  it('runs again after its lease where it is idempotent, as another step, and counts as a failure', () => {
    claimed({ idempotent: true, worst: 9 });
    ledger.advance(LEASE);
    expect(ask({ idempotent: true, worst: 9 })).toMatchObject({ kind: 'allow' });
    expect(ledger.run).toMatchObject({ used: { steps: 2, settled: 9, reserved: 9 }, meters: { failures: 1 } });
  });

  it('is a question after its lease where it is not idempotent, and its reservation counts as spent', () => {
    claimed({ worst: 9 });
    ledger.advance(LEASE);
    expect(ask()).toMatchObject({
      kind: 'hold',
      hold: { kind: 'unknown-outcome', reason: expect.stringContaining('the worker went away') },
    });
    expect(ledger.calls.get(KEY)).toMatchObject({ state: { kind: 'unknown' }, spend: 9 });
    expect(ledger.run.used).toMatchObject({ settled: 9, reserved: 0 });
  });

  it('that is lost to an action now called idempotent is still a question: what it was when it began counts', () => {
    claimed();
    ledger.advance(LEASE);
    expect(ask({ idempotent: true })).toMatchObject({ kind: 'hold', hold: { kind: 'unknown-outcome' } });
  });

  it('that was lost and is now refused leaves nothing reserved', () => {
    claimed({ idempotent: true, worst: 9 });
    ledger.advance(LEASE);
    expect(ask({ ruling: DENIED })).toMatchObject({ kind: 'deny' });
    expect(ledger.run.used).toMatchObject({ settled: 9, reserved: 0 });
  });
});

describe.each(['failed', 'not-started'] as const)('an attempt that settled as %s', (kind) => {
  const outcome: Outcome = kind === 'failed' ? { kind, spend: none, error: 'no network' } : { kind, why: 'too late' };

  it('runs again on the same grant', () => {
    const asking = { ruling: requires(), idempotent: true };
    decided('approve', asking);
    settled(outcome, asking);
    expect(ask(asking)).toMatchObject({ kind: 'allow', grant: [...ledger.holds.keys()][0] });
  });
});

describe('an outcome that nobody knows', () => {
  beforeEach(() => settled(unknown));

  it('becomes one question, also when it is asked again and again', () => {
    const [first, second] = [ask(), ask()];
    expect(first).toMatchObject({
      kind: 'hold',
      hold: { kind: 'unknown-outcome', reason: expect.stringContaining('the connection broke') },
    });
    expect(second).toMatchObject({ kind: 'hold', hold: { id: first.kind === 'hold' ? first.hold.id : '' } });
  });

  it('is asked about also where the policies refuse the call by now', () => {
    expect(ask({ ruling: DENIED })).toMatchObject({ kind: 'hold', hold: { kind: 'unknown-outcome' } });
  });

  it('answers with the result that a person vouches for', () => {
    decided('succeeded');
    for (const _ of [1, 2]) expect(ask()).toEqual({ kind: 'recorded', result: result('vouched') });
  });

  it('runs once more when a person says so, and asks anew when that attempt is lost as well', () => {
    decided('run-again');
    settled(unknown);
    expect(ledger.calls.get(KEY)?.attempts).toBe(2);
    expect(ask()).toMatchObject({ kind: 'hold', hold: { kind: 'unknown-outcome', state: { kind: 'open' } } });
  });

  it('takes no answer to an earlier question for one to this, although the clock stood still or went back', () => {
    decided('run-again');
    ledger.advance(-5_000);
    settled(unknown);
    expect(ask()).toMatchObject({ kind: 'hold', hold: { state: { kind: 'open' } } });
  });

  it('is final when a person says that it failed, also for the retry that did not hear so', () => {
    decided('failed');
    for (const _ of [1, 2]) {
      expect(ask()).toMatchObject({
        kind: 'deny',
        denial: { code: 'outcome_rejected', by: 'person:ada', message: expect.stringContaining('I looked') },
      });
    }
    expect(ledger.calls.get(KEY)?.attempts).toBe(1);
  });

  it('is asked about again when the workflow stopped waiting in between', () => {
    const first = ask();
    ledger.withdraw(KEY);
    const second = ask();
    expect(second).toMatchObject({ kind: 'hold', hold: { kind: 'unknown-outcome' } });
    expect(second).not.toEqual(first);
  });

  it('keeps a late settle as evidence, from which a person may take the result', () => {
    const held = ask();
    expect(ledger.settle(KEY, 'token-of-old', succeeded)).toBe('late');
    expect(ledger.calls.get(KEY)?.state.kind).toBe('unknown');
    ledger.decide(held.kind === 'hold' ? held.hold.id : '', decision({ choice: 'succeeded' }));
    expect(ask()).toEqual({ kind: 'recorded', result: result('first') });
  });

  it('stays unknown while the run it may have again is refused, or waits for an approval', () => {
    decided('run-again');
    expect(ask({ ruling: DENIED })).toMatchObject({ kind: 'deny', denial: { code: 'policy_forbids' } });
    expect(ledger.calls.get(KEY)).toMatchObject({ state: { kind: 'unknown' }, waitingFor: null });
    expect(ask({ ruling: requires() })).toMatchObject({ kind: 'hold', hold: { kind: 'approval' } });
    expect(ledger.calls.get(KEY)?.state.kind).toBe('unknown');
    decided('approve', { ruling: requires() });
    expect(ask({ ruling: requires() })).toMatchObject({ kind: 'allow' });
  });
});

describe('other arguments under a key that is taken', () => {
  const other = { args: 'v2' };

  it.each([
    ['succeeded', succeeded],
    ['unknown', unknown],
  ] as const)('are a question where the first call is %s', (_, outcome) => {
    settled(outcome);
    const verdict = ask(other);
    expect(verdict).toMatchObject({ kind: 'hold', hold: { kind: 'diverged', digest: 'git.push(v2)' } });
    expect(ledger.calls.get(KEY)).toMatchObject({ argsDigest: 'git.push(v1)', state: { kind: outcome.kind } });
  });

  it('are a question where the first attempt was lost, idempotent or not', () => {
    claimed({ idempotent: true });
    ledger.advance(LEASE);
    expect(ask(other)).toMatchObject({ kind: 'hold', hold: { kind: 'diverged' } });
    expect(ledger.calls.get(KEY)?.state.kind).toBe('unknown');
  });

  it('are a question also where only the action differs', () => {
    settled(succeeded);
    expect(ask({ action: 'git.pull' })).toMatchObject({ kind: 'hold', hold: { kind: 'diverged' } });
  });

  it('get the recorded result when a person says so', () => {
    settled(succeeded);
    decided('use-recorded', other);
    for (const _ of [1, 2]) expect(ask(other)).toEqual({ kind: 'recorded', result: result('first') });
  });

  it('are refused where a person wants the record, and there is none', () => {
    settled(unknown);
    decided('use-recorded', other);
    expect(ask(other)).toMatchObject({ kind: 'deny', denial: { code: 'outcome_rejected' } });
    expect(ledger.calls.get(KEY)?.state.kind).toBe('unknown');
  });

  it('run when a person says so, and the question is answered for those arguments alone', () => {
    settled(succeeded);
    decided('run-again', other);
    expect(ask({ args: 'v3' })).toMatchObject({ kind: 'hold', hold: { kind: 'diverged', digest: 'git.push(v3)' } });
  });

  it('never get the first call’s result while they wait for their own approval', () => {
    const asking = { ...other, ruling: requires() };
    settled(succeeded);
    decided('run-again', asking);
    decided('approve', asking);
    expect(ask(asking)).toMatchObject({ kind: 'allow' });
    expect(ledger.calls.get(KEY)).toMatchObject({ argsDigest: 'git.push(v2)', attempts: 2 });
  });

  it('do not wipe out the record when they are refused', () => {
    settled(succeeded);
    decided('run-again', other);
    expect(ask({ ...other, ruling: DENIED })).toMatchObject({ kind: 'deny' });
    expect(ask()).toEqual({ kind: 'recorded', result: result('first') });
  });

  it('withdraw the hold of the first where nothing had begun, once, and are judged by themselves', () => {
    const first = request(KEY, { ruling: requires() });
    ledger.claim(first);
    expect(ask({ ...other, ruling: requires() })).toMatchObject({ kind: 'hold', hold: { kind: 'approval', digest: 'git.push(v2)@f1' } });
    expect(ledger.holds.get(first.freshHold)?.state.kind).toBe('withdrawn');
    expect(ledger.audit.filter(({ kind }) => kind === 'hold.withdrawn')).toHaveLength(1);
  });

  it('leave no other question of the call open when they run', () => {
    settled(unknown);
    decided('run-again', other);
    expect(ask()).toMatchObject({ kind: 'hold', hold: { kind: 'unknown-outcome' } });
    expect(ask({ ...other, ruling: requires() })).toMatchObject({ kind: 'hold', hold: { kind: 'approval' } });
    expect([...ledger.holds.values()].filter((hold) => hold.state.kind === 'open')).toHaveLength(1);
  });
});
