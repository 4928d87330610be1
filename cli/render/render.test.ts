import { describe, expect, it } from 'vitest';
import type { HoldView, Micros, RunView } from '../../core/index.ts';
import { renderDecided, renderHold, renderHolds } from './hold.ts';
import { renderRun, renderRunLine, renderRuns } from './run.ts';
import { renderFields, renderTable } from './table.ts';
import { renderDeadline, renderWhen } from './when.ts';

const now = 1_000_000_000;
const reader = { now, program: 'npx holdpoint' };
const hold: HoldView = {
  id: 'hold-a',
  run: 'run-a',
  kind: 'approval',
  action: 'git.push',
  key: '/3' as HoldView['key'],
  digest: 'ab12' as HoldView['digest'],
  reason: 'A tag goes out',
  state: 'open',
  version: 1,
  policySet: 'p',
  openedAt: now - 120_000,
  decideBy: now + 14_280_000,
  choices: ['approve', 'deny'],
  requires: [
    {
      policy: 'release-tag',
      reason: 'A tag goes to the shared remote',
      approvers: 'release-managers',
      quorum: 2,
      deadline: 1,
      valid: 1,
      severity: 'high',
      edits: [],
    },
  ],
  deciders: [{ approvers: 'release-managers', quorum: 2 }],
  votes: [{ person: 'person:ben', version: 1, choice: 'approve', at: now - 60_000 }],
  shown: {
    title: 'v1.2.0 → origin',
    fields: [
      { name: 'tag', value: 'v1.2.0' },
      { name: 'message', value: 'two\nlines' },
    ],
    evidence: [{ title: 'Commits', text: 'abc one\ndef two' }],
  },
  ended: null,
  edit: null,
};
const run: RunView = {
  id: 'run-a',
  agent: 'release-bot',
  workflow: 'release',
  state: 'held',
  mode: 'enforce',
  adopted: false,
  requesters: ['agent:release-bot'],
  labels: { env: 'test' },
  startedAt: now - 300_000,
  closedAt: null,
  closedReason: null,
  killed: null,
  steps: { used: 3, limit: 100 },
  spend: { settled: 50_000 as Micros, reserved: 0 as Micros, overrun: 0 as Micros, limit: 5_000_000 as Micros },
  time: { used: 180_000, limit: 3_600_000 },
  failures: { used: 0, limit: 5 },
  identical: { limit: 5 },
  openHolds: 1,
  calls: [
    {
      key: '/1' as HoldView['key'] & string,
      action: 'git.log',
      digest: 'c' as never,
      state: 'succeeded',
      attempts: 1,
      verdict: 'allow',
      spend: 50_000 as Micros,
      hold: null,
      grant: null,
      error: null,
      denial: null,
      observed: null,
    },
  ],
  holds: [hold],
};

describe('a hold', () => {
  it('is shown with all that a decision needs, and how to decide it', () => {
    expect(renderHold(hold, reader)).toBe(`v1.2.0 → origin

  hold       hold-a
  run        run-a
  action     git.push
  kind       approval
  state      open
  opened     2m ago
  decide by  in 3h 58m
  binds      sha256:ab12

  Why it waits
    A tag goes to the shared remote (policy release-tag; decided by 2 of release-managers)

  Arguments and facts
    tag: v1.2.0
    message:
      two
      lines

  Commits
    abc one
    def two

  Votes
    person:ben: approve, 1m ago

  Decide
    npx holdpoint hold approve hold-a
    npx holdpoint hold deny hold-a --note WHY`);
  });

  it('states the version in its commands once somebody has edited it', () => {
    const text = renderHold({ ...hold, version: 2, edit: { version: 2, by: 'person:ben', changes: { tag: 'v2' } } }, reader);
    expect(text).toContain('hold approve hold-a --seen 2');
    expect(text).toContain('hold-a, version 2');
    expect(text).toMatch(/Changed before approval[\s\S]*"tag": "v2"/);
    expect(text).toContain('approve (of version 1)');
  });

  it('shows what would hide in arguments, evidence and names', () => {
    const hidden = {
      ...hold,
      shown: {
        title: 'v1\u202e \u001b[2K',
        fields: [{ name: 'a\u200b', value: 'x\ry' }],
        evidence: [{ title: 'e\u0007', text: 'one\u001b[A' }],
      },
    };
    const text = renderHold(hidden, reader);
    expect(text).toContain('v1\\u{202e} \\u{1b}[2K');
    expect(text).toContain('a\\u{200b}: x\\u{d}y');
    expect(text).toContain('one\\u{1b}[A');
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e\u200b]/);
    // oxlint-disable-next-line no-control-regex -- these must not be there
    expect(renderHolds([hidden], reader)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  it('offers each kind its own choices', () => {
    expect(
      renderHold(
        { ...hold, kind: 'breaker', choices: ['raise', 'kill'], requires: [], deciders: [{ approvers: 'operators', quorum: 1 }] },
        reader,
      ),
    ).toMatch(/A tag goes out \(decided by 1 of operators\)[\s\S]*--choice raise --steps N\n.*--choice kill --note WHY/);
    expect(renderHold({ ...hold, kind: 'unknown-outcome', choices: ['succeeded', 'failed', 'run-again'] }, reader)).toMatch(
      /--choice succeeded --result JSON\n.*--choice failed\n.*--choice run-again/,
    );
  });

  it('offers to raise the very limits that tripped, and to change what may be changed', () => {
    const title = 'release-bot reached its limit of spend and identical';
    const tripped: HoldView = { ...hold, kind: 'breaker', choices: ['raise'], requires: [], shown: { title, fields: [], evidence: [] } };
    expect(renderHold(tripped, reader)).toContain('--choice raise --spend USD --identical N');
    const [requirement] = hold.requires;
    const asking = (...edits: (readonly string[])[]) => ({
      ...hold,
      requires: edits.map((fields) => ({ ...requirement!, edits: fields })),
    });
    expect(renderHold(asking(['tag', 'note'], ['note']), reader)).toContain(`hold approve hold-a --edit '{ "note": … }'\n`);
    expect(renderHold(asking(['tag'], []), reader)).not.toContain('--edit');
  });

  it('says how it ended and offers nothing then', () => {
    const denied = renderHold(
      { ...hold, state: 'denied', ended: { at: now - 5_000, by: ['person:ada'], choice: 'deny', useBy: null, note: 'not today' } },
      reader,
    );
    expect(denied).toMatch(/Outcome\n {4}denied by person:ada, 5s ago\n {4}not today$/);
  });

  it('is told to wait for others while the quorum is not reached', () => {
    expect(renderDecided(hold)).toBe('Your vote counts; v1.2.0 → origin (hold-a) still waits for others: it needs 2 of release-managers.');
    expect(renderDecided({ ...hold, state: 'granted' })).toBe('Granted: v1.2.0 → origin (hold-a).');
    const ended = { at: now, by: ['person:ada'], choice: 'failed' as const, useBy: null, note: null };
    expect(renderDecided({ ...hold, kind: 'unknown-outcome', state: 'granted', ended })).toBe('Decided, failed: v1.2.0 → origin (hold-a).');
  });
});

describe('a run', () => {
  it('is a row in a list and a page of its own', () => {
    expect(renderRuns([run], now)).toBe(
      [
        'ID     AGENT        WORKFLOW  STATE  STEPS        SPEND  HOLDS  STARTED',
        'run-a  release-bot  release   held   3/100  $0.05 of $5      1  5m ago',
      ].join('\n'),
    );
    const page = renderRun(run, reader);
    expect(page).toContain('requested by  agent:release-bot');
    expect(page).toMatch(/working time {2}3m of 1h/);
    expect(page).toMatch(/STEP {2}ACTION {3}STATE {6}ATTEMPTS {2}SPEND\n {2}\/1 {4}git\.log {2}succeeded {9}1 {2}\$0\.05/);
    expect(page).toContain('npx holdpoint hold show hold-a');
    expect(renderRunLine(run)).toBe('run-a held: 3 of 100 steps, $0.05 of $5, 1 waiting for a decision');
  });

  it('says when nothing is there', () => {
    expect(renderRuns([], now)).toBe('No runs.');
    expect(renderHolds([], reader)).toBe('Nothing waits for a decision.');
    expect(renderRun({ ...run, calls: [], holds: [] }, reader)).toContain('No calls yet.');
  });
});

describe('tables and instants', () => {
  it('aligns columns and leaves out the empty ones', () => {
    const rows = [
      { a: 'x', b: '' },
      { a: 'long', b: '' },
    ];
    expect(
      renderTable(rows, [
        { title: 'A', value: (row) => row.a, align: 'right' },
        { title: 'B', value: (row) => row.b },
      ]),
    ).toBe('   A\n   x\nlong');
    expect(
      renderFields(
        [
          ['one', '1'],
          ['three', null],
          ['four', '4\n'],
        ],
        ' ',
      ),
    ).toBe(' one   1\n four  4\\u{a}');
  });

  it('says how long ago and how much longer', () => {
    expect([renderWhen(now, now), renderWhen(now - 61_000, now), renderWhen(now + 3_600_000, now)]).toEqual(['now', '1m 1s ago', 'in 1h']);
    expect([renderDeadline(null, now), renderDeadline(now - 2_000, now), renderDeadline(now + 2_000, now)]).toEqual([
      'never',
      'passed 2s ago',
      'in 2s',
    ]);
  });
});
