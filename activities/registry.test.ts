import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Refusal } from '../core/index.ts';
import { sample } from './gate/gate.fixture.ts';
import { registerActions } from './registry.ts';

const names = (tree: unknown): readonly string[] => [...registerActions(tree as never).keys()];

function refusal(tree: unknown): string {
  try {
    registerActions(tree as never);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'action_invalid') return error.message;
    throw error;
  }
  throw new Error('it was registered');
}

describe('a tree of actions', () => {
  it('gives each its path as its name, by modules, folders and plain exports', () => {
    const act = sample();
    expect(names({ git: { push: act, log: act }, act, deep: { er: { still: act } } })).toEqual([
      'git.push',
      'git.log',
      'act',
      'deep.er.still',
    ]);
  });

  it('may stand beside whatever else a module exports', () => {
    const round: Record<string, unknown> = { settings: { 'x-header': { a: 1 } } };
    round['itself'] = round;
    class Client {
      readonly act = sample();
    }
    const others = {
      schema: z.object({ a: z.string() }),
      client: new Client(),
      list: [{ act: sample() }],
      round,
      now: new Date(),
      none: null,
      text: 'x',
      f: () => 1,
    };
    expect(names({ ...others, act: sample() })).toEqual(['act']);
  });

  it.each([
    ['with a dot in its name', { 'a.b': sample() }, /"a\.b" is not a letter/],
    ['that begins with a digit', { git: { '1st': sample() } }, /"1st"/],
    ['called __proto__', JSON.parse('{"__proto__":null}') as object, null],
    ['in our own folder', { holdpoint: { withdraw: sample() } }, /reserved/],
    ['called default', { default: sample() }, /reserved/],
  ])('refuses one %s', (_, tree, said) => {
    if (said === null) expect(names(tree)).toEqual([]);
    else expect(refusal(tree)).toMatch(said);
  });
});

describe('a declaration', () => {
  const act = (rest: object): object => ({ act: sample(rest) });
  const object = z.object({
    a: z.string(),
    auth: z.object({ token: z.string() }).optional(),
    list: z.array(z.object({ t: z.string() })).optional(),
  });

  it.each([
    ['without a summary', { summary: '' }, /"summary"/],
    ['without a run', { run: undefined }, /"run" is a function/],
    ['without annotations', { annotations: undefined }, /"annotations\.readOnly" is stated as true or false; got undefined/],
    ['with an annotation left out', { annotations: { readOnly: true, destructive: false, idempotent: true } }, /openWorld/],
    [
      'that reads and destroys',
      { annotations: { readOnly: true, destructive: true, idempotent: true, openWorld: false } },
      /cannot be destructive/,
    ],
    ['with facts that nothing resolves', { facts: z.object({}) }, /come together/],
    ['that resolves what it does not declare', { resolve: () => Promise.resolve({ facts: {} }) }, /come together/],
    ['with a time-out of 0', { timeout: 0 }, /"timeout".*got 0/],
    ['with a time-out in fractions', { timeout: 0.5 }, /"timeout"/],
    ['with a time-out of a day', { timeout: 86_400_000 }, /"timeout"/],
    ['with no attempts', { attempts: 0 }, /"attempts".*got 0/],
    ['whose editable field is not there', { input: object, editable: ['b'] }, /"editable" names "b"/],
    ['whose secret field is not there', { input: object, secrets: ['b'] }, /"secrets" names "b"/],
    ['whose secret field is not there, deep within', { input: object, secrets: ['auth.tokn'] }, /"auth\.tokn"/],
    ['whose secret is no item of its list', { input: object, secrets: ['list.t'] }, /"list\.t"/],
    ['whose secret can be edited', { input: object, secrets: ['auth.token'], editable: ['auth'] }, /cannot be editable/],
    ['whose input is a text', { input: z.string() }, /one object/],
    ['whose input is a list', { input: z.array(z.string()) }, /one object/],
    ['whose input is no schema', { input: {} }, /JSON Schema/],
    ['whose input has a date', { input: z.object({ at: z.date() }) }, /JSON Schema/],
    ['whose input has a bigint', { input: z.object({ n: z.bigint() }) }, /JSON Schema/],
    ['whose input has a map', { input: z.object({ m: z.map(z.string(), z.string()) }) }, /JSON Schema/],
    ['whose output is a symbol', { output: z.symbol() }, /"output" cannot be stated/],
    ['whose facts have a set', { facts: z.set(z.string()), resolve: () => Promise.resolve({ facts: {} }) }, /"facts" cannot be stated/],
  ])('%s is refused, by its name', (_, rest, said) => {
    const message = refusal(act(rest));
    expect(message).toMatch(said);
    expect(message).toMatch(/^Action "act": .*\.$/);
  });

  it.each([
    ['an open transform', z.string().transform(Number), /transforms what callers send/],
    ['a piped number', z.string().transform(Number).pipe(z.number()), /changes the type of "a"/],
    ['a boolean in words', z.stringbool(), /changes the type of "a"/],
    ['a list of numbers in text', z.array(z.string().transform(Number).pipe(z.number())), /changes the type of "a\.\*"/],
    ['a map of them', z.record(z.string(), z.stringbool()), /changes the type of "a\.\*"/],
    ['one of several', z.union([z.int(), z.stringbool()]), /changes the type of "a"/],
  ])('whose input becomes something else, by %s, is refused: policies would see another type than callers send', (_, schema, said) => {
    expect(refusal(act({ input: z.object({ a: schema }) }))).toMatch(said);
  });

  it.each([
    ['defaults', z.string().default('x')],
    ['trimming', z.string().trim().toLowerCase()],
    [
      'a transform that stays a text',
      z
        .string()
        .transform((text) => text.slice(0, 3))
        .pipe(z.string()),
    ],
    ['coercion', z.coerce.number()],
    ['preprocessing', z.preprocess((value) => value, z.int())],
    ['a refinement', z.string().refine(() => true)],
    ['anything', z.any()],
    ['recursion', z.lazy(() => z.string())],
  ])('whose input has %s is taken', (_, schema) => {
    expect(names(act({ input: z.object({ a: schema }) }))).toEqual(['act']);
  });

  it('may name secrets within lists, maps, unions and what is not described', () => {
    const input = z.object({
      auth: z.union([z.object({ token: z.string() }), z.null()]),
      headers: z.record(z.string(), z.string()),
      list: z.array(z.object({ t: z.string() })),
      any: z.any(),
    });
    expect(names(act({ input, secrets: ['auth.token', 'headers.authorization', 'headers.*', 'list.*.t', 'any.thing'] }))).toEqual(['act']);
  });

  it('becomes a manifest that holds all that others need, and no code', () => {
    const registered = registerActions(act({ input: object, editable: ['a'], secrets: ['auth.token'], idempotent: true }) as never).get(
      'act',
    );
    expect(registered?.manifest).toMatchObject({
      action: 'act',
      summary: 'Do it',
      annotations: { idempotent: true },
      editable: ['a'],
      secrets: ['auth.token'],
      facts: null,
      timeout: 60_000,
    });
    expect(JSON.parse(JSON.stringify(registered?.manifest))).toEqual(registered?.manifest);
  });
});
