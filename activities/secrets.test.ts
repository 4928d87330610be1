import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttemptSecrets, literalSecrets, SecretMissing, withoutLiterals } from './secrets.ts';

const VALUES: Readonly<Record<string, string>> = {
  TOKEN: 'tok_1234567890',
  LONG: 'tok_1234567890-and-more',
  KEY: '-----BEGIN KEY-----\nMIIEowIBAAKCAQEA0Z3VS5\nsecondlineofthekey\n-----END KEY-----',
  ODD: 'p@ss "word"/+= é',
};
const attempt = (...names: string[]): AttemptSecrets => {
  const secrets = new AttemptSecrets((name) => VALUES[name]);
  for (const name of names) secrets.resolve(`secret:${name}`);
  return secrets;
};

function valueAt(value: unknown, at: readonly string[]): unknown {
  return at.reduce((inner, key) => (inner as Record<string, unknown>)[key], value);
}

describe('literalSecrets', () => {
  it.each([
    ['a reference', { a: 'secret:A' }, ['a'], []],
    ['nothing', {}, ['a', 'b.c', 'd.*'], []],
    ['null', { a: null, b: { c: null } }, ['a', 'b.c'], []],
    ['a literal', { a: 'x' }, ['a'], [['a']]],
    ['an empty text', { a: '' }, ['a'], [['a']]],
    ['a number', { a: 1 }, ['a'], [['a']]],
    ['a list where a text belongs', { a: ['secret:A'] }, ['a'], [['a']]],
    [
      'every item',
      { a: ['x', 'secret:A', 'y'] },
      ['a.*'],
      [
        ['a', '0'],
        ['a', '2'],
      ],
    ],
    ['one item by its number', { a: ['x', 'y'] }, ['a.1'], [['a', '1']]],
    ['every member, with dots in its name', { a: { 'x.y': 'z' } }, ['a.*'], [['a', 'x.y']]],
    ['items of lists of lists', { a: [['x'], ['secret:A']] }, ['a.*.*'], [['a', '0', '0']]],
    ['a text above the field', { a: 'x' }, ['a.b.c'], [['a']]],
    ['names of the prototype', {}, ['constructor', 'toString', '__proto__.x'], []],
    ['the whole input', 'x', ['a'], [[]]],
  ])('finds what is no reference in %s', (_, input, paths, found) => expect(literalSecrets(input, paths)).toEqual(found));

  it('takes as its own member what is called __proto__', () => {
    expect(literalSecrets(JSON.parse('{"__proto__":"x"}'), ['__proto__'])).toEqual([['__proto__']]);
  });

  it('finds all that withoutLiterals then takes out, wherever it is', () => {
    const secret = fc.constantFrom('hunter22', 'secret:OK');
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        secret,
        fc.dictionary(fc.constantFrom('a', 'b.c', 'd'), tie('tree')),
        fc.array(tie('tree'), { maxLength: 3 }),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.array(fc.constantFrom('a', 'd', '*', 'a.*', '*.*', 'a.d', '*.a.*'), { maxLength: 4 }), (input, paths) => {
        const clean = withoutLiterals(input, literalSecrets(input, paths));
        for (const at of literalSecrets(clean, paths)) expect(valueAt(clean, at)).toBe('[refused literal]');
        if (paths.includes('*') && typeof input === 'object') expect(JSON.stringify(clean)).not.toContain('hunter22');
      }),
    );
  });
});

describe('the secrets of an attempt', () => {
  it.each(['TOKEN', 'secret:token', 'secret:', 'Bearer secret:TOKEN', 'secret:TOKEN '])(
    'are found by reference only, not by %j',
    (reference) => {
      const found = () => attempt().resolve(reference);
      expect(found).toThrow(SecretMissing);
      expect(found).toThrow(/got something else, which is not shown/);
    },
  );

  it('are resolved where a declared field names them', () => {
    const secrets = attempt();
    secrets.resolveAll({ a: 'secret:TOKEN', b: ['secret:LONG'], c: 'secret:MISSING' }, ['a', 'b.*', 'd']);
    expect(secrets.scrubText(`${VALUES['TOKEN']} ${VALUES['LONG']}`)).toBe('[secret TOKEN] [secret LONG]');
    expect(() => secrets.resolveAll({ c: 'secret:MISSING' }, ['c'])).toThrow(/no secret named MISSING/);
  });

  it('are taken out whole where one begins with another', () => {
    expect(attempt('TOKEN', 'LONG').scrubText(`x ${VALUES['LONG']} y`)).toBe('x [secret LONG] y');
  });

  it('leave what no secret was used for untouched', () => {
    const value = { when: new Date(0) };
    expect(attempt().scrub(value)).toBe(value);
  });

  it('are taken out of names, lists, bytes, errors and what says its own JSON', () => {
    const token = VALUES['TOKEN'] ?? '';
    const clean = attempt('TOKEN').scrub({
      [token]: [token],
      bytes: Buffer.from(`x${token}y`),
      error: new Error(token, { cause: new Error(token) }),
      own: { toJSON: () => ({ token }) },
      n: 1,
    }) as Record<string, unknown>;
    expect(clean).toMatchObject({ '[secret TOKEN]': ['[secret TOKEN]'], own: { token: '[secret TOKEN]' }, n: 1 });
    expect(Buffer.from(clean['bytes'] as Uint8Array).toString()).toBe('x[secret TOKEN]y');
    const error = clean['error'] as Error;
    expect([error.message, (error.cause as Error).message, error.stack]).toEqual([
      '[secret TOKEN]',
      '[secret TOKEN]',
      expect.not.stringContaining(token),
    ]);
  });

  it('with several lines are taken out line by line', () => {
    expect(attempt('KEY').scrubText('line 2: secondlineofthekey')).toBe('line 2: [secret KEY]');
  });

  it('are taken out in every encoding, wherever in it they stand', () => {
    const secrets = attempt('ODD', 'TOKEN');
    const value = VALUES['ODD'] ?? '';
    fc.assert(
      fc.property(
        fc.string({ maxLength: 7 }),
        fc.string({ maxLength: 7 }),
        fc.constantFrom(value, VALUES['TOKEN'] ?? ''),
        (before, after, secret) => {
          const whole = Buffer.from(`${before}${secret}${after}`);
          for (const encoding of ['base64', 'base64url', 'hex'] as const) {
            // What is left of it at either end is less than three of its characters.
            const left = secrets.scrubText(whole.toString(encoding)).replaceAll(/\[secret \w+\]/g, '');
            expect(left.length).toBeLessThanOrEqual(Math.ceil(((whole.length - Buffer.byteLength(secret)) * 8) / 4) + 8);
          }
          expect(secrets.scrubText(JSON.stringify({ [before]: secret }))).not.toContain(JSON.stringify(secret).slice(1, -1));
          expect(secrets.scrubText(encodeURIComponent(secret))).toMatch(/^\[secret \w+\]$/);
        },
      ),
    );
  });
});
