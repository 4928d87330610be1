import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJson } from './canonical.ts';
import { Refusal } from './refusal.ts';
import { parseJson } from './strict-json.ts';

function codeOf(text: string): string | null {
  try {
    parseJson(text);
    return null;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Values that break none of our own rules. */
const acceptable = fc.jsonValue().filter((value) => isJson(value));
const space = fc.constantFrom('', ' ', '\n', '\t', '\r\n  ');

describe('parseJson', () => {
  it('reads what JSON.parse reads, however it is written', () => {
    fc.assert(
      fc.property(acceptable, space, fc.constantFrom(0, 1, '\t'), (value, around, indent) => {
        const text = around + JSON.stringify(value, null, indent) + around;
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('agrees with JSON.parse about what is JSON at all', () => {
    const alphabet = ['{', '}', '[', ']', ',', ':', '"', 'a', '\\', 'u0041', '0', '1', '-', '.', 'e', '+', 'true', 'null', ' ', '\u0000'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const ours = codeOf(text);
        const verdict = ours === 'json_duplicate_key' || ours === 'json_number_unsafe' ? null : ours;
        expect(verdict === null).toBe(isJsonText(text));
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives only what canonical accepts', () => {
    fc.assert(
      fc.property(fc.json({ noUnicodeString: false }), (text) => {
        fc.pre(codeOf(text) === null);
        expect(isJson(parseJson(text))).toBe(true);
      }),
    );
  });

  it('reads escapes and pairs of surrogates', () => {
    expect(parseJson('"\\u0041\\n\\/\\ud83d\\ude00\\u2028"')).toBe('A\n/😀\u2028');
  });

  it.each([
    ['{"a":1,"b":2,"a":3}', 'json_duplicate_key'],
    ['{"a":1,"\\u0061":3}', 'json_duplicate_key'],
    ['{"__proto__":1}', 'json_forbidden_key'],
    ['{"__pr\\u006fto__":{}}', 'json_forbidden_key'],
    ['9007199254740992', 'json_number_unsafe'],
    ['-9007199254740993.0', 'json_number_unsafe'],
    ['1e400', 'json_number_unsafe'],
    ['"\\ud800"', 'json_surrogate'],
    ['"\\ude00\\ud83d"', 'json_surrogate'],
    ['{"\\udfff":1}', 'json_surrogate'],
    ['1 2', 'json_invalid'],
    ['{} x', 'json_invalid'],
    ['', 'json_invalid'],
    ['[1,]', 'json_invalid'],
    ['{"a":1,}', 'json_invalid'],
    ["{'a':1}", 'json_invalid'],
    ['NaN', 'json_invalid'],
    ['01', 'json_invalid'],
    ['+1', 'json_invalid'],
    ['.5', 'json_invalid'],
    ['1.', 'json_invalid'],
    ['"a\nb"', 'json_invalid'],
    ['"\\x41"', 'json_invalid'],
    ['"abc', 'json_invalid'],
    ['tru', 'json_invalid'],
    ['\ufeff{}', 'json_invalid'],
    ['[1] // why', 'json_invalid'],
  ])('refuses %j with %s', (text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('accepts 64 levels and refuses one more', () => {
    const nested = (levels: number) => '['.repeat(levels) + '1' + ']'.repeat(levels);
    expect(isJson(parseJson(nested(64)))).toBe(true);
    expect(codeOf(nested(65))).toBe('json_too_deep');
    expect(codeOf('['.repeat(1_000_000))).toBe('json_too_deep');
  });

  it('says where', () => {
    expect(() => parseJson('{\n  "a": 1,\n  "a": 2\n}')).toThrow(
      expect.objectContaining({ data: { line: 3, column: 3, offset: 14 }, message: expect.stringContaining('line 3, column 3') }),
    );
  });

  it('keeps members that shadow the prototype as data', () => {
    expect(Object.keys(parseJson('{"constructor":1,"toString":2,"hasOwnProperty":3}') as object)).toEqual([
      'constructor',
      'toString',
      'hasOwnProperty',
    ]);
  });
});
