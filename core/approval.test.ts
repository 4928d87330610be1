import { beforeEach, describe, expect, it } from 'vitest';
import type { CallRequest } from './call.ts';
import { ModelLedger } from './model-ledger.fixture.ts';
import type { CanonicalText, HoldId, Micros, StepKey } from './names.ts';
import { DENIED, decision, HOUR, request, requirement, requires, sampleRun, START } from './sample.fixture.ts';
import type { Asking } from './sample.fixture.ts';
import type { Verdict } from './verdict.ts';

const KEY = '/1' as StepKey;
const ASKS = { ruling: requires() };
const TWO = { ruling: requires({}, { policy: 'secure', approvers: 'security' }) };

let ledger: ModelLedger;
beforeEach(() => {
  ledger = new ModelLedger(sampleRun());
});

const ask = (asking: Asking = ASKS, key = KEY): Verdict => ledger.claim(request(key, asking));

function held(asking: Asking = ASKS): HoldId {
  const verdict = ask(asking);
  if (verdict.kind !== 'hold') throw new Error(`Not held: ${verdict.kind}.`);
  return verdict.hold.id;
}

function granted(asking: Asking = ASKS): HoldId {
  const hold = held(asking);
  expect(ledger.decide(hold, decision())).toMatchObject({ kind: 'accepted', hold: { state: { kind: 'granted' } } });
  return hold;
}

/** A hold that was approved with a changed tag, and the changes as the gate then merges them. */
function edited(asking: Asking = ASKS): { readonly hold: HoldId; readonly version: number; readonly changes: string } {
  const hold = held(asking);
  ledger.decide(hold, decision({ edit: '{"tag":"v9"}' as CanonicalText }));
  const verdict = ask(asking);
  expect(verdict).toEqual({ kind: 'edited', hold, version: 2, changes: '{"tag":"v9"}', by: 'person:ada' });
  return { hold, version: 2, changes: 'v9' };
}

function notStarted({ key, token }: CallRequest): void {
  expect(ledger.settle(key, token, { kind: 'not-started', why: 'too late' })).toBe('settled');
}

describe('a call that needs an approval', () => {
  it('is one hold for everything that is asked, frozen as it was when it was asked', () => {
    expect(ask(TWO)).toMatchObject({
      hold: {
        kind: 'approval',
        version: 1,
        digest: 'git.push(v1)@f1',
        requires: TWO.ruling.kind === 'requires' ? TWO.ruling.requires : [],
        shown: { title: 'git.push v1' },
      },
    });
    expect(ledger.run.used.steps).toBe(0);
  });

  it('must be decided before the shortest of the deadlines', () => {
    expect(ask({ ruling: requires({ deadline: 5_000 }, { policy: 'secure', deadline: 9_000 }) })).toMatchObject({
      hold: { decideBy: START + 5_000 },
    });
  });

  it('passes once it is granted, and names the grant', () => {
    const hold = granted();
    expect(ask()).toMatchObject({ kind: 'allow', grant: hold });
  });

  it('lends its grant to no other step, although action and arguments are the same', () => {
    granted();
    expect(ask(ASKS, '/2' as StepKey)).toMatchObject({ kind: 'hold', hold: { kind: 'approval', key: '/2' } });
  });

  it.each([
    ['arguments', { args: 'v2' }],
    ['facts', { facts: 'f2' }],
    ['action', { action: 'git.force-push' }],
  ])('is asked about again when its %s differ from what was approved, and the old approval is over', (_, changed) => {
    const hold = granted();
    const verdict = ask({ ...ASKS, ...changed });
    expect(verdict).toMatchObject({ kind: 'hold', hold: { state: { kind: 'open' } } });
    expect(ledger.holds.get(hold)?.state.kind).toBe('withdrawn');
    expect(ask()).toMatchObject({ kind: 'hold' });
  });

  it('is asked about again when its approval was not used in time', () => {
    granted({ ruling: requires({ valid: 1_000 }) });
    ledger.advance(1_001);
    expect(ask({ ruling: requires({ valid: 1_000 }) })).toMatchObject({ kind: 'hold', hold: { state: { kind: 'open' } } });
  });

  it('passes in the last millisecond of its approval', () => {
    granted({ ruling: requires({ valid: 1_000 }) });
    ledger.advance(1_000);
    expect(ask({ ruling: requires({ valid: 1_000 }) })).toMatchObject({ kind: 'allow' });
  });

  it.each([
    ['another policy asks as well', TWO.ruling],
    ['a policy asks for more people', requires({ quorum: 2 })],
    ['another group is asked', requires({ approvers: 'security' })],
  ])('is asked about again when %s now, granted or still open', (_, ruling) => {
    granted();
    expect(ask({ ruling })).toMatchObject({ kind: 'hold', hold: { requires: ruling.kind === 'requires' ? ruling.requires : [] } });
    expect(ask()).toMatchObject({ kind: 'hold', hold: { requires: [requirement()] } });
  });

  it('stays due while its hold is open, although no policy asks any more, and passes freely after a grant', () => {
    const hold = held();
    expect(ask({})).toMatchObject({ kind: 'hold', hold: { id: hold } });
    ledger.decide(hold, decision());
    expect(ask({})).toMatchObject({ kind: 'allow', grant: hold });
  });

  it('passes without an approval when none was asked in time and no policy asks any more', () => {
    granted({ ruling: requires({ valid: 1_000 }) });
    ledger.advance(1_001);
    expect(ask({})).toMatchObject({ kind: 'allow', grant: null });
  });

  it('is asked about anew when the workflow had stopped waiting, and no earlier grant is left', () => {
    const hold = granted();
    ledger.withdraw(KEY);
    expect(ledger.holds.get(hold)?.state.kind).toBe('withdrawn');
    expect(ask()).toMatchObject({ kind: 'hold', hold: { state: { kind: 'open' } } });
  });

  it('is found again by its newest hold, although the clock stands still', () => {
    const holds = ['f2', 'f3', 'f4', 'f5', 'f6'].map((facts) => held({ ...ASKS, facts }));
    expect(held({ ...ASKS, facts: 'f6' })).toBe(holds.at(-1));
  });
});

describe('a denial', () => {
  it('is told with who and why, and is final for those arguments', () => {
    ledger.decide(held(), decision({ choice: 'deny', note: 'not on a Friday' }));
    for (const _ of [1, 2]) {
      const message = 'The call needed an approval and person:ada denied it: not on a Friday.';
      expect(ask()).toEqual({
        kind: 'deny',
        denial: { code: 'approval_denied', message, policies: ['release'], by: 'person:ada', askAgain: false },
      });
    }
    expect(ask({})).toMatchObject({ kind: 'deny' });
  });

  it('stays when the arguments or facts went elsewhere and came back', () => {
    ledger.decide(held(), decision({ choice: 'deny', note: 'no' }));
    expect(ask({ ...ASKS, facts: 'f2' })).toMatchObject({ kind: 'hold' });
    expect(ask()).toMatchObject({ kind: 'deny', denial: { code: 'approval_denied' } });
  });
});

describe('a hold that nobody decided in time', () => {
  it('is told as that, and never as a person’s refusal', () => {
    const hold = held();
    ledger.advance(4 * HOUR + 1);
    expect(ask()).toMatchObject({
      kind: 'deny',
      denial: { code: 'approval_expired', by: null, message: expect.stringContaining('no person refused it') },
    });
    expect(ledger.holds.get(hold)?.state).toEqual({ kind: 'expired', at: START + 4 * HOUR });
    expect(ask()).toMatchObject({ kind: 'deny', denial: { code: 'approval_expired' } });
  });

  it('is told the same where somebody else had noticed the time', () => {
    held();
    ledger.advance(4 * HOUR + 1);
    ledger.sweep();
    expect(ask()).toMatchObject({ kind: 'deny', denial: { code: 'approval_expired' } });
  });

  it('may still be decided in the last millisecond', () => {
    const hold = held();
    ledger.advance(4 * HOUR);
    expect(ask()).toMatchObject({ kind: 'hold', hold: { id: hold } });
  });

  it('has expired also where other facts come up before anybody noticed', () => {
    const hold = held();
    ledger.advance(4 * HOUR + 1);
    ask({ ...ASKS, facts: 'f2' });
    expect(ledger.holds.get(hold)?.state.kind).toBe('expired');
    expect(ask()).toMatchObject({ kind: 'deny', denial: { code: 'approval_expired' } });
  });
});

describe('an approval with changes', () => {
  it('passes the changed arguments, and never the original ones', () => {
    const edit = edited();
    expect(ask({ ...ASKS, edit })).toMatchObject({ kind: 'allow', grant: edit.hold });
    expect(ledger.calls.get(KEY)).toMatchObject({ argsDigest: 'git.push(v1)', digest: 'git.push(v1*v9)@f1' });
  });

  it('is judged by the policies again', () => {
    const edit = edited();
    expect(ask({ edit, ruling: DENIED })).toMatchObject({ kind: 'deny', denial: { code: 'policy_forbids' } });
  });

  it('may need fewer approvals than were given, and never others', () => {
    const edit = edited();
    expect(ask({ edit, ...TWO })).toMatchObject({ kind: 'deny', denial: { code: 'policy_forbids', policies: ['release', 'secure'] } });
    expect(ask({ edit, ruling: request(KEY).ruling })).toMatchObject({ kind: 'allow', grant: edit.hold });
  });

  it.each([
    ['another version', { version: 1 }],
    ['another hold', { hold: 'hold-other' }],
  ])('of %s does not count', (_, wrong) => {
    const edit = edited();
    expect(ask({ ...ASKS, edit: { ...edit, ...wrong } })).toMatchObject({ kind: 'later' });
    expect(ledger.run.used.steps).toBe(0);
  });

  it('opens no hold for the changed arguments when its time is over in between: the original ones are asked about', () => {
    const asking = { ruling: requires({ valid: 1_000 }) };
    const edit = edited(asking);
    ledger.advance(1_001);
    expect(ask({ ...asking, edit })).toMatchObject({ kind: 'later', after: 1 });
    expect(ask(asking)).toMatchObject({ kind: 'hold', hold: { digest: 'git.push(v1)@f1', edit: null } });
  });

  it('lets an attempt that did not begin run again on the same changes', () => {
    const edit = edited();
    const asked = request(KEY, { ...ASKS, edit });
    ledger.claim(asked);
    notStarted(asked);
    expect(ask()).toMatchObject({ kind: 'edited' });
    expect(ask({ ...ASKS, edit })).toMatchObject({ kind: 'allow', grant: edit.hold });
  });

  it('is over when what the changed call acts on has changed since the first attempt', () => {
    const edit = edited();
    const asked = request(KEY, { ...ASKS, edit });
    ledger.claim(asked);
    notStarted(asked);
    expect(ask({ ...ASKS, edit, facts: 'f2' })).toMatchObject({ kind: 'later' });
    expect(ledger.holds.get(edit.hold)?.state.kind).toBe('withdrawn');
    expect(ask()).toMatchObject({ kind: 'hold', hold: { digest: 'git.push(v1)@f1' } });
  });

  it('is found used when the same token asks again', () => {
    const asked = request(KEY, { ...ASKS, edit: edited(), worst: 3 });
    expect(ledger.claim(asked)).toEqual(ledger.claim(asked));
    expect(ledger.run.used.reserved).toBe(3 as Micros);
  });
});
