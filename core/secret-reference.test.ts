import { describe, expect, it } from 'vitest';
import { isSecretReference, secretFields } from './secret-reference.ts';

describe('a secret reference', () => {
  it.each(['secret:TOKEN', 'secret:A', 'secret:API_KEY_2'])('may be %s', (text) => expect(isSecretReference(text)).toBe(true));
  it.each([
    'TOKEN',
    'secret:',
    'secret:a b',
    'Bearer secret:TOKEN',
    'secret:A\n',
    'secret:hunter2',
    'secret:a.b-c',
    'secret:_A',
    'secret:2A',
    7,
    null,
  ])('may not be %j', (value) => expect(isSecretReference(value)).toBe(false));
});

describe('secretFields', () => {
  const input = { auth: { token: 'secret:T', none: null }, headers: [{ value: 'x' }, { value: 'secret:Y' }], map: { a: '1', b: '2' } };

  it('finds named fields, items of arrays and members of objects', () => {
    expect(secretFields(input, ['auth.token', 'headers.*.value', 'map.*']).map(({ path }) => path)).toEqual([
      'auth.token',
      'headers.0.value',
      'headers.1.value',
      'map.a',
      'map.b',
    ]);
  });

  it('leaves out what is absent or null', () => {
    expect(secretFields(input, ['auth.none', 'auth.other', 'nowhere.at.all'])).toEqual([]);
  });

  it('reports a literal that stands where an object was expected', () => {
    expect(secretFields({ auth: 'hunter2' }, ['auth.token'])).toEqual([{ path: 'auth', value: 'hunter2' }]);
  });
});
