import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { canonical, pathOf, stepKey } from '../../core/index.ts';
import type { CanonicalText, Micros } from '../../core/index.ts';
import type { Action } from '../define-action.ts';
import { registerActions } from '../registry.ts';
import { ALLOW, sample } from './gate.fixture.ts';
import type { CallIdentity, GateParts } from './parts.ts';
import { argsDigestOf, digestOf, prepare, resolveAgain } from './prepare.ts';
import type { MergedEdit } from './prepare.ts';

const who: CallIdentity = {
  header: { v: 1, run: 'run-a', path: '', key: stepKey('', 1) },
  execution: { workflowId: 'run-a', runId: 'r' },
  run: { id: 'run-a', agent: 'tester', workflow: 'w', requesters: [], labels: {}, mode: 'enforce' },
};

function partsWith(act: Action<any, any, any>, rule: () => typeof ALLOW = () => ALLOW): GateParts {
  return { actions: registerActions({ act }), policies: () => ({ hash: 'set', rule }) } as unknown as GateParts;
}

async function prepared(act: Action<any, any, any>, args: readonly unknown[], rest: { edit?: MergedEdit; rule?: () => typeof ALLOW } = {}) {
  return await prepare(partsWith(act, rest.rule), who, 'act', args, rest.edit ?? null);
}

async function denial(act: Action<any, any, any>, args: readonly unknown[], rest: { edit?: MergedEdit; rule?: () => typeof ALLOW } = {}) {
  const { request, effect } = await prepared(act, args, rest);
  if (request.ruling.kind !== 'deny') throw new Error(`it was ruled ${request.ruling.kind}`);
  expect(effect).toBeNull();
  // What cannot be hashed cannot be recorded, and what cannot be recorded would be asked for ever.
  expect(() =>
    canonical({ message: request.ruling.kind === 'deny' ? request.ruling.denial.message : '', shown: request.shown }),
  ).not.toThrow();
  return { code: request.ruling.denial.code, message: request.ruling.denial.message, request };
}

const strict = (shape: z.ZodRawShape, rest: object = {}): Action<any, any, any> => sample({ input: z.strictObject(shape), ...rest });

describe('arguments', () => {
  it.each([
    ['undefined', [undefined]],
    ['null', [null]],
    ['a list', [['a']]],
    ['a text', ['x']],
    ['a Buffer', [Buffer.from('x')]],
    ['bytes', [new Uint8Array([1])]],
    ['a Date', [new Date(0)]],
    ['a Map', [new Map([['a', 1]])]],
    ['a bigint', [1n]],
    ['NaN within', [{ a: Number.NaN }]],
    ['undefined within', [{ a: undefined }]],
    ['half a character', [{ a: '\uD800' }]],
    ['a __proto__ member', [JSON.parse('{"__proto__":{"a":1}}')]],
    ['a function', [() => 1]],
    ['two of them', [{ a: 'x' }, { a: 'y' }]],
  ])('that are %s are denied, and can be recorded', async (_, args) => {
    expect(await denial(strict({ a: z.string().optional() }), args)).toMatchObject({ code: 'input_invalid' });
  });

  it('may be left out where everything is optional', async () => {
    expect((await prepared(strict({ a: z.string().optional() }), [])).request).toMatchObject({ input: '{}', ruling: ALLOW });
  });

  it('of several are not recorded: nobody said which of them hold secrets', async () => {
    const { request } = await denial(strict({ token: z.string() }, { secrets: ['token'] }), [{ token: 'hunter22' }, 'hunter22']);
    expect(JSON.stringify(request)).not.toContain('hunter22');
  });

  it('of an action that nothing declares are denied, whatever its name is', async () => {
    const parts = partsWith(sample());
    for (const name of ['nothing', 'a\0b', '\uD800', 'x'.repeat(5_000), '__proto__', 'constructor']) {
      const { request } = await prepare(parts, who, name, [{ a: 1 }], null);
      expect(request.ruling).toMatchObject({ kind: 'deny', denial: { code: 'action_undeclared' } });
      expect(request.action).not.toContain('\0');
      expect(request.action.isWellFormed() && request.action.length <= 200).toBe(true);
    }
  });

  it('never make preparing throw, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.anything({ withDate: true, withMap: true, withTypedArray: true, withBigInt: true, withNullPrototype: true }), {
          maxLength: 2,
        }),
        async (args) => {
          const { request } = await prepared(strict({ a: z.string() }), args);
          expect(request.argsDigest).toMatch(/^[0-9a-f]{64}$/);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a schema', () => {
  it.each([
    ['is asynchronous', z.object({ a: z.string().refine(() => Promise.resolve(true)) })],
    [
      'throws',
      z.object({
        a: z.string().refine(() => {
          throw new TypeError('x'.repeat(9_000));
        }),
      }),
    ],
    [
      'throws what is no error',
      z.object({
        a: z.string().refine(() => {
          throw Object.create(null);
        }),
      }),
    ],
  ])('that %s denies', async (_, input) => {
    expect(await denial(sample({ input }), [{ a: 'x' }])).toMatchObject({
      code: 'input_invalid',
      message: expect.stringMatching(/could not be checked/) as string,
    });
  });

  it('names at most five of what does not fit', async () => {
    const wrong = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, z.string()]));
    const { message } = await denial(strict(wrong), [Object.fromEntries(Object.keys(wrong).map((name) => [name, 1]))]);
    expect(message.match(/"f\d"/g)).toHaveLength(5);
  });

  it('gives the defaults to policies, people and effect alike', async () => {
    const { request, effect } = await prepared(strict({ a: z.string().default('x') }), [{}]);
    expect([request.input, effect?.input]).toEqual(['{"a":"x"}', { a: 'x' }]);
    expect(request.argsDigest).toBe(argsDigestOf('act', canonical({})));
  });
});

describe('secret fields', () => {
  it.each([
    ['a literal', ['token'], { token: 'hunter22' }],
    ['what only looks like a reference', ['token'], { token: 'secret:hunter22' }],
    ['an object', ['token'], { token: { value: 'hunter22' } }],
    ['a literal above the field', ['auth.token'], { auth: 'hunter22' }],
    ['a list of literals', ['keys.*'], { keys: ['secret:A', 'hunter22'] }],
    ['a map whose key has a dot', ['keys.*'], { keys: { 'x.y': 'hunter22', ok: 'secret:A' } }],
    ['a literal deep within', ['list.*.token'], { list: [{ token: 'secret:A' }, { token: 'hunter22' }] }],
  ])('with %s are denied, and the literal is nowhere', async (_, secrets, input) => {
    const { code, request } = await denial(sample({ secrets }), [input]);
    expect(code).toBe('secret_literal');
    expect(JSON.stringify(request)).not.toContain('hunter22');
  });

  it('into which a schema moves a literal are denied', async () => {
    const act = sample({ input: z.looseObject({ token: z.string().default('hunter22') }), secrets: ['token'] });
    expect(await denial(act, [{}])).toMatchObject({ code: 'secret_literal' });
  });

  it('may hold references, null, or nothing', async () => {
    const act = sample({ input: z.looseObject({}), secrets: ['token', 'keys.*'] });
    for (const input of [{}, { token: null }, { token: 'secret:A', keys: [] }, { keys: { a: 'secret:B' } }]) {
      expect((await prepared(act, [input])).request.ruling.kind).toBe('allow');
    }
  });
});

describe('facts', () => {
  const acting = (resolve: (input: any) => unknown, facts: z.ZodType = z.any()): Action<any, any, any> =>
    sample({ facts, resolve: resolve as never });

  it.each([
    [
      'throws',
      () => {
        throw new Error('gone');
      },
      'gone',
    ],
    ['rejects with what has no text', () => Promise.reject(Object.create(null) as Error), 'no text'],
    ['finds nothing', () => Promise.resolve(undefined), 'undefined'],
    ['finds what does not fit', () => Promise.resolve({ facts: 'text' }), 'does not fit'],
  ])('that cannot be had, since resolve %s, deny, and may be asked for again', async (_, resolve, said) => {
    const refused = await denial(acting(resolve, z.object({ at: z.int() })), [{}]);
    expect(refused).toMatchObject({ code: 'facts_unresolved', message: expect.stringContaining(said) as string });
    expect(refused.request.ruling).toMatchObject({ denial: { askAgain: true } });
  });

  it('that never come are waited for 5 s, and the reading is told to stop', async () => {
    vi.useFakeTimers();
    try {
      const act = acting(() => new Promise(() => undefined));
      const waiting = denial(act, [{}]);
      await vi.advanceTimersByTimeAsync(5_100);
      expect(await waiting).toMatchObject({ code: 'facts_unresolved', message: expect.stringMatching(/more than 5 s/) as string });
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['a Date', new Date(0)],
    ['a bigint', 1n],
    ['half a character', '\uDFFF'],
  ])('that are no JSON, such as %s, deny', async (_, at) => {
    expect(
      await denial(
        acting(() => Promise.resolve({ facts: { at } })),
        [{}],
      ),
    ).toMatchObject({ code: 'input_invalid' });
  });

  it('bind the call together with its input', async () => {
    const { request } = await prepared(
      acting(() => Promise.resolve({ facts: { b: 1, a: 2 } })),
      [{ x: 1 }],
    );
    expect(request.digest).toBe(digestOf('act', canonical({ x: 1 }), '{"a":2,"b":1}' as CanonicalText));
    expect(request.facts).toBe('{"a":2,"b":1}');
  });

  it('that cannot be read again are not the same as none', async () => {
    const registered = registerActions({ act: acting(() => Promise.reject(new Error('gone'))) }).get('act');
    if (registered === undefined) throw new Error('not registered');
    expect(await resolveAgain(registered, {})).toEqual({ kind: 'failed', why: 'gone' });
  });

  it('come with evidence of any shape, of which people see what is text', async () => {
    const evidence = [
      { title: `t\uD800`, text: 'x'.repeat(4_000) },
      { title: 1, text: null },
      ...Array.from({ length: 30 }, () => ({ title: 't', text: '' })),
    ];
    const { request } = await prepared(
      acting(() => Promise.resolve({ facts: {}, evidence })),
      [{}],
    );
    expect(request.shown.evidence).toHaveLength(20);
    expect(request.shown.evidence[0]?.text).toMatch(/x\n… \(1000 more characters\)$/);
    expect(() => canonical(request.shown)).not.toThrow();
  });
});

describe('what else the developer states', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('no price');
      },
    ],
    ['is a fraction', () => 0.5],
    ['is negative', () => -1],
    ['is not a number', () => Number.NaN],
    ['is promised', () => Promise.resolve(1)],
    ['is text', () => '5'],
  ])('denies where the worst cost %s', async (_, worst) => {
    expect(await denial(sample({ cost: { worst: worst as () => Micros } }), [{}])).toMatchObject({ code: 'input_invalid' });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      'Do it',
    ],
    ['is no text', () => 7 as unknown as string, '7'],
    ['is half a character', () => '\uD800', '\uFFFD'],
    ['is endless', () => 'x'.repeat(9_000), 'x'.repeat(300)],
    ['is nothing', () => undefined as unknown as string, 'Do it'],
  ])('shows a title all the same where it %s', async (_, title, shown) => {
    expect((await prepared(sample({ title }), [{}])).request.shown.title).toBe(shown);
  });

  it('denies where the policies throw', async () => {
    const rule = (): never => {
      throw new Error('cedar is away');
    };
    expect(await denial(sample(), [{}], { rule })).toMatchObject({
      code: 'policy_error',
      message: expect.stringMatching(/cedar is away/) as string,
    });
  });
});

describe('an approver’s changes', () => {
  const edit = (changes: unknown): MergedEdit => ({
    hold: 'hold-a',
    version: 2,
    changes: JSON.stringify(changes) as CanonicalText,
    by: 'person:ada',
  });
  const act = strict({ a: z.string(), b: z.int() });

  it('are merged into what is judged, digested and run, and not into what the workflow sent', async () => {
    const { request, effect } = await prepared(act, [{ a: 'x', b: 1 }], { edit: edit({ b: 2 }) });
    expect(effect?.input).toEqual({ a: 'x', b: 2 });
    expect(request).toMatchObject({
      input: '{"a":"x","b":2}',
      argsDigest: argsDigestOf('act', canonical({ a: 'x', b: 1 })),
      edit: { hold: 'hold-a', version: 2 },
    });
  });

  it.each([
    ['of another type', { b: 'two' }],
    ['of a stranger', { c: 1 }],
    ['of the prototype', JSON.parse('{"__proto__":{"b":2}}')],
  ])('%s deny', async (_, changes) => {
    expect(await denial(act, [{ a: 'x', b: 1 }], { edit: edit(changes) })).toMatchObject({ code: 'input_invalid' });
  });
});

it('asks under the key that the header names', async () => {
  const { request } = await prepared(sample(), [{}]);
  expect([request.key, pathOf(request.key), request.execution]).toEqual(['/1', '', who.execution]);
});
