import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stepKey } from './step-key.ts';
import {
  parseCallHeader,
  parseDeniedBody,
  parseEditedResult,
  parseFailedBody,
  parseHoldBody,
  parseLaterBody,
  parseRefusedBody,
  parseRunHeader,
  parseWake,
} from './wire-parse.ts';
import { EDITED_KEY } from './wire.ts';

const run = { v: 1, run: 'run-a', path: '/3', next: 7, queues: ['main', 'other'], ungoverned: ['queue:plain'], mode: 'observe' };
const call = { v: 1, run: 'run-a', path: '/3', key: '/3/7' };
const hold = { hold: 'hold-a', kind: 'approval', reason: 'A tag goes out', askAgainAfter: 60_000 };
const later = { after: 500, reason: 'the ledger is away' };
const denied = { code: 'policy_forbids', message: 'Not on Fridays', policies: ['p1'], by: null, askAgain: false };
const edited = { [EDITED_KEY]: { key: '/1', by: 'person:ada', changes: { tag: 'v2' } }, result: { ref: 'x' } };

/** Each parser with a value that it reads, and values that it does not, as changes to the first. */
const CASES: readonly (readonly [string, (value: unknown) => unknown, object, readonly object[]])[] = [
  [
    'a run header',
    parseRunHeader,
    run,
    [
      { v: 2 },
      { run: '' },
      { run: 1 },
      { path: '3' },
      { path: null },
      { next: 0 },
      { next: 1.5 },
      { next: '7' },
      { queues: 'main' },
      { queues: [1] },
      { ungoverned: 'queue:plain' },
      { ungoverned: [1] },
      { mode: 'lenient' },
      { mode: null },
    ],
  ],
  [
    'a call header',
    parseCallHeader,
    call,
    [{ v: 0 }, { run: null }, { key: '' }, { key: '/3' }, { key: '/4/7' }, { path: '' }, { key: '/3/07' }],
  ],
  ['a wake of one call', parseWake, { key: '/3/7' }, [{ key: '' }, { key: '7' }, { key: 7 }, { key: undefined }]],
  ['a wake of every call', parseWake, { key: null }, []],
  [
    'a hold',
    parseHoldBody,
    hold,
    [{ hold: '' }, { kind: 1 }, { reason: null }, { askAgainAfter: -1 }, { askAgainAfter: Number.NaN }, { askAgainAfter: '1' }],
  ],
  ['a postponement', parseLaterBody, later, [{ after: -1 }, { after: Infinity }, { reason: 1 }]],
  [
    'a denial',
    parseDeniedBody,
    denied,
    [{ code: 'other' }, { message: 1 }, { policies: [1] }, { policies: null }, { by: 1 }, { askAgain: 'no' }],
  ],
  ['a failure', parseFailedBody, { action: 'git.push', message: 'no route' }, [{ action: 1 }, { message: null }]],
  ['a refusal', parseRefusedBody, { code: 'queue_ungoverned', message: 'no' }, [{ code: '' }, { message: 1 }]],
  [
    'an edited result',
    parseEditedResult,
    edited,
    [{ [EDITED_KEY]: 1 }, { [EDITED_KEY]: { key: '1', by: 'x', changes: {} } }, { [EDITED_KEY]: { key: '/1', changes: {} } }],
  ],
];

describe.each(CASES)('%s', (_, parse, good, changes) => {
  it('is read, and what is unknown in it is left out', () => {
    expect(parse(good)).toEqual(good);
    expect(parse({ ...good, later: 'addition' })).toEqual(good);
  });

  it.each(changes.map((change) => [change]))('is not read with %o', (change) => {
    expect(parse({ ...good, ...change })).toBeNull();
  });

  it.each([undefined, null, 'text', 7, [], {}])('is not %j', (value) => {
    expect(parse(value)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        parse(value);
      }),
    );
  });
});

describe('headers', () => {
  it('are read for every path and ordinal', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 99_999 })), fc.integer({ min: 1, max: 99_999 }), (steps, ordinal) => {
        const path = steps.map((step) => `/${step}`).join('');
        expect(parseRunHeader({ ...run, path })?.path).toBe(path);
        expect(parseCallHeader({ ...call, path, key: stepKey(path, ordinal) })?.path).toBe(path);
      }),
    );
  });
});

describe('a result that was not edited', () => {
  it('is wrapped with null where it has the key by itself', () => {
    expect(parseEditedResult({ [EDITED_KEY]: null, result: { [EDITED_KEY]: 1 } })).toEqual({
      [EDITED_KEY]: null,
      result: { [EDITED_KEY]: 1 },
    });
  });

  it.each([{ result: 1 }, Object.create({ [EDITED_KEY]: null })])('is not unwrapped without it', (value) => {
    expect(parseEditedResult(value)).toBeNull();
  });
});
