import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, isJson } from './canonical.ts';
import { parseChain } from './chain-plan.ts';
import { resolveReferences, valueAt } from './chain-reference.ts';
import { checkChain } from './check-chain.ts';
import type { ActionManifest } from './manifest.ts';
import type { Json } from './names.ts';
import { Refusal } from './refusal.ts';

function manifest(action: string, input: Json, output: Json, secrets: readonly string[] = []): ActionManifest {
  const annotations = { readOnly: true, destructive: false, idempotent: true, openWorld: false };
  return { action, summary: action, annotations, input, output, facts: null, secrets, editable: [], timeout: 1_000 };
}

const text = { type: 'string' };
const MANIFESTS = [
  manifest(
    'git.log',
    { type: 'object', properties: { repo: text }, required: ['repo'], additionalProperties: false },
    {
      type: 'object',
      properties: { commits: { type: 'array', items: { type: 'object', properties: { hash: text }, additionalProperties: false } } },
      additionalProperties: false,
    },
  ),
  manifest('http.get', { type: 'object', properties: { url: text, auth: {}, headers: {} } }, { type: 'object' }, [
    'auth.token',
    'headers.*.value',
  ]),
];

function refusalOf(act: () => unknown): Refusal {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('Nothing was refused.');
}
const check = (steps: unknown, input: unknown = {}) => checkChain(parseChain({ steps, input }), MANIFESTS);
const log = { id: 'log', action: 'git.log', input: { repo: '/r' } };

describe('parseChain', () => {
  it('reads a whole plan', () => {
    expect(
      parseChain({
        agent: 'bot',
        labels: { team: 'a' },
        limits: { steps: 5, spend: 0.5, time: '1h' },
        input: { repo: '/r' },
        steps: [log],
      }),
    ).toEqual({
      agent: 'bot',
      labels: { team: 'a' },
      limits: { steps: 5, spend: 500_000, time: 3_600_000 },
      input: { repo: '/r' },
      steps: [log],
    });
  });

  it('fills in what may be left out', () => {
    expect(parseChain({ steps: [{ id: 'a', action: 'b' }] })).toEqual({
      agent: null,
      labels: {},
      limits: {},
      input: {},
      steps: [{ id: 'a', action: 'b', input: {} }],
    });
    expect(parseChain({ steps: [log], limits: { time: 90_000 } }).limits).toEqual({ time: 90_000 });
  });

  it.each([
    [null, 'The chain'],
    ['text', 'The chain'],
    [[], 'The chain'],
    [{}, '"steps"'],
    [{ steps: [] }, '"steps"'],
    [{ steps: 'x' }, '"steps"'],
    [{ steps: Array.from({ length: 501 }, (_, i) => ({ id: `s${i}`, action: 'a' })) }, '501'],
    [{ steps: [log], step: 1 }, '"step"'],
    [{ steps: [{ ...log, if: 'x' }] }, '"if"'],
    [{ steps: [1] }, '"steps[0]"'],
    [{ steps: [{ action: 'a' }] }, '"steps[0].id"'],
    [{ steps: [{ id: 'a.b', action: 'a' }] }, '"a.b"'],
    [{ steps: [{ id: 'a' }] }, '"steps[0].action"'],
    [{ steps: [log], agent: '' }, '"agent"'],
    [{ steps: [log], labels: { a: 1 } }, '"labels.a"'],
    [{ steps: [log], limits: { stepz: 1 } }, '"stepz"'],
    [{ steps: [log], limits: { steps: 0 } }, 'got 0'],
    [{ steps: [log], limits: { steps: -1 } }, 'got -1'],
    [{ steps: [log], limits: { steps: Number.NaN } }, 'got NaN'],
    [{ steps: [log], limits: { steps: '5' } }, 'got "5"'],
    [{ steps: [log], limits: { steps: 1.5 } }, 'got 1.5'],
    [{ steps: [log], limits: { spend: 0 } }, 'got 0'],
    [{ steps: [log], limits: { spend: '5' } }, 'got "5"'],
    [{ steps: [log], limits: { spend: Number.NaN } }, 'got NaN'],
    [{ steps: [log], limits: { time: 0 } }, 'got 0'],
    [{ steps: [log], limits: { time: -5 } }, 'got -5'],
  ])('refuses %j, naming the field and the value', (value, named) => {
    const refusal = refusalOf(() => parseChain(value));
    expect(refusal.code).toBe('chain_invalid');
    expect(refusal.message).toContain(named);
  });

  it('refuses a step id that is used twice', () => {
    const refusal = refusalOf(() => parseChain({ steps: [log, { ...log }] }));
    expect(refusal.code).toBe('chain_duplicate_step');
    expect(refusal.data).toEqual({ step: 'log', field: 'steps[1].id' });
  });

  it.each([
    [{ steps: [log], limits: { time: 'soon' } }, 'duration_invalid'],
    [{ steps: [log], limits: { spend: 1e-9 } }, 'money_invalid'],
    [{ steps: [log], limits: { spend: Number.POSITIVE_INFINITY } }, 'money_invalid'],
    [{ steps: [{ ...log, input: { at: new Date(0) } }] }, 'json_unrepresentable'],
    [{ steps: [log], input: JSON.parse('{"__proto__":1}') as unknown }, 'json_unrepresentable'],
  ])('passes on what refuses %o', (value, code) => {
    expect(refusalOf(() => parseChain(value)).code).toBe(code);
  });
});

describe('checkChain', () => {
  it('accepts references to earlier outputs and to the input', () => {
    check(
      [
        log,
        {
          id: 'get',
          action: 'http.get',
          input: { url: 'https://x/${{ steps.log.output.commits.0.hash }}?r=${{ input.repo }}', auth: { token: '${{ input.token }}' } },
        },
      ],
      { repo: '/r', token: 'secret:TOKEN' },
    );
    check([{ ...log, input: '${{ input.all }}' }], { all: { repo: '/r' } });
    check([log, { ...log, id: 'again', input: '${{ steps.log.output }}' }]);
  });

  it.each([
    ['chain_action_unknown', [{ ...log, action: 'git.lgo' }], 'git.log'],
    [
      'chain_reference_later',
      [
        { ...log, input: { repo: '${{ steps.b.output.x }}' } },
        { ...log, id: 'b' },
      ],
      '"steps[0].input.repo" of step "log"',
    ],
    ['chain_reference_later', [{ ...log, input: { repo: '${{ steps.log.output }}' } }], 'its own output'],
    ['chain_reference_unknown', [log, { ...log, id: 'b', input: { repo: '${{ steps.log2.output }}' } }], 'did you mean "log"'],
    [
      'chain_reference_unknown',
      [log, { ...log, id: 'b', input: { repo: '${{ steps.log.output.commit }}' } }],
      'git.log returns no such value',
    ],
    [
      'chain_reference_unknown',
      [log, { ...log, id: 'b', input: { repo: '${{ steps.log.output.commits.first }}' } }],
      'returns no such value',
    ],
    [
      'chain_reference_unknown',
      [log, { ...log, id: 'b', input: { repo: '${{ steps.log.output.commits.0.hash.x }}' } }],
      'returns no such value',
    ],
    ['chain_reference_unknown', [{ ...log, input: { repo: '${{ input.nowhere }}' } }], '${{ input.nowhere }}'],
    ['chain_reference_unknown', [{ ...log, input: { repo: '${{ input.constructor }}' } }], '${{ input.constructor }}'],
    ['chain_invalid', [{ ...log, input: { repo: 'a ${{ steps.log }} b' } }], '${{ steps.log }}'],
    ['chain_invalid', [{ ...log, input: { repo: '${{ env.HOME }}' } }], '${{ env.HOME }}'],
    ['chain_invalid', [{ ...log, input: { repo: '${{ input.a' } }], '"steps[0].input.repo"'],
    ['chain_input_invalid', [{ ...log, input: {} }], '"steps[0].input.repo"'],
    ['chain_input_invalid', [{ ...log, input: { repo: '/r', rep: 1 } }], 'did you mean "repo"'],
    ['chain_input_invalid', [{ ...log, input: ['/r'] }], 'set of named fields'],
  ])('refuses with %s', (code, steps, named) => {
    const refusal = refusalOf(() => check(steps));
    expect(refusal.code).toBe(code);
    expect(`${refusal.message} ${refusal.hint ?? ''}`).toContain(named);
    expect(refusal.data).toHaveProperty('field');
  });

  it.each([
    [{ auth: { token: 'hunter2' } }],
    [{ auth: 'hunter2' }],
    [{ auth: { token: '${{ input.secret }}' } }],
    [{ auth: { token: '${{ steps.log.output.commits }}' } }],
    [{ auth: { token: 'Bearer secret:TOKEN hunter2' } }],
    [{ headers: [{ value: 'secret:OK' }, { value: 'hunter2' }] }],
    ['${{ input.whole }}'],
  ])('refuses a literal in a secret field, and does not repeat it: %j', (input) => {
    const refusal = refusalOf(() =>
      check([log, { id: 'get', action: 'http.get', input }], { secret: 'hunter2', whole: { auth: { token: 'hunter2' } } }),
    );
    expect(refusal.code).toBe('secret_literal');
    expect(refusal.message).toContain('step "get"');
    expect(JSON.stringify([refusal.message, refusal.hint, refusal.data])).not.toContain('hunter2');
  });
});

describe('resolveReferences', () => {
  const sources = { outputs: { log: { n: 3, list: ['a', { b: null }], text: 'x' } }, input: { name: 'y', tricky: '${{ input.name }}' } };
  const resolve = (value: Json) => resolveReferences(value, 'input', sources);

  it('keeps the type of a text that is one reference', () => {
    expect(resolve({ a: '${{ steps.log.output.n }}', b: ['${{steps.log.output.list}}'], c: '${{ input }}' })).toEqual({
      a: 3,
      b: [['a', { b: null }]],
      c: sources.input,
    });
  });

  it('inserts text as it is, and anything else as JSON', () => {
    expect(resolve('${{ input.name }}-${{ steps.log.output.n }} ${{ steps.log.output.list }}')).toBe('y-3 ["a",{"b":null}]');
  });

  it('does not look into what it inserted', () => {
    expect(resolve('${{ input.tricky }}')).toBe('${{ input.name }}');
    expect(resolve('> ${{ input.tricky }}')).toBe('> ${{ input.name }}');
  });

  it.each([
    '${{ steps.log.output.none }}',
    '${{ steps.log.output.list.7 }}',
    '${{ steps.log.output.list.length }}',
    '${{ steps.toString.output }}',
    '${{ input.name.length }}',
  ])('refuses %s, which is not there', (reference) => {
    expect(refusalOf(() => resolve({ a: reference })).code).toBe('chain_reference_missing');
  });

  const json = fc
    .jsonValue()
    .map((value) => value as Json)
    .filter((value) => isJson(value));
  it('leaves a value without references as it was', () => {
    fc.assert(
      fc.property(json, (value) => {
        fc.pre(!canonical(value).includes('${{'));
        expect(canonical(resolve(value))).toBe(canonical(value));
      }),
    );
  });

  it('finds at a path only what the value itself has there', () => {
    fc.assert(
      fc.property(json, fc.array(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'length', '0'))), (value, path) => {
        const found = valueAt(value, path);
        expect(found === undefined || isJson(found)).toBe(true);
      }),
    );
  });
});
