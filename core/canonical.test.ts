import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, canonicalOf, isJson } from './canonical.ts';
import { Refusal } from './refusal.ts';

const json = fc.jsonValue().filter((value) => isJson(value));
const unrepresentable = expect.objectContaining({ code: 'json_unrepresentable' });

/** RFC 8785, appendix B: the bits of an IEEE 754 double, and its text. */
const NUMBERS: readonly (readonly [bits: string, text: string])[] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
];

/** The examples published with RFC 8785, as (source, canonical text). */
const EXAMPLES: readonly (readonly [name: string, source: string, text: string])[] = [
  ['arrays', '[56,{"d":true,"10":null,"1":[ ]}]', '[56,{"1":[],"10":null,"d":true}]'],
  [
    'french',
    '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
    '{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}',
  ],
  [
    'structures',
    '{"1":{"f":{"f":"hi","F":5},"\\n":56.0},"10":{ },"":"empty","a":{ },"111":[{"e":"yes","E":"no"}],"A":{ }}',
    '{"":"empty","1":{"\\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}',
  ],
  ['unicode', '{"Unnormalized Unicode":"A\\u030a"}', '{"Unnormalized Unicode":"A\u030a"}'],
  [
    'values',
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
      '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  ],
  [
    'weird',
    '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\u000a":"Newline","1":"One","\\u0080":"Control\\u007f",' +
      '"\\ud83d\\ude02":"Smiley","\\u00f6":"Latin Small Letter O With Diaeresis","\\ufb33":"Hebrew Letter Dalet With Dagesh",' +
      '"</script>":"Browser Challenge"}',
    '{"\\n":"Newline","\\r":"Carriage Return","1":"One","</script>":"Browser Challenge","\u0080":"Control\u007f",' +
      '"ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😂":"Smiley","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
  ],
];

function double(bits: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${bits}`));
  return view.getFloat64(0);
}

function textOrCode(value: unknown): string {
  try {
    return canonical(value);
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error);
  }
}

describe('the vectors of RFC 8785', () => {
  it.each(NUMBERS)('number %s is written %s, or refused where it is not kept exactly', (bits, text) => {
    const value = double(bits);
    expect(canonicalize(value)).toBe(text);
    expect(textOrCode(value)).toBe(Number.isInteger(value) && !Number.isSafeInteger(value) ? 'json_unrepresentable' : text);
  });

  it.each(['7fffffffffffffff', '7ff0000000000000', 'fff0000000000000'])('number %s is refused', (bits) => {
    expect(() => canonical(double(bits))).toThrow(unrepresentable);
  });

  it.each(EXAMPLES)('example %s', (name, source, text) => {
    const value: unknown = JSON.parse(source);
    expect(canonicalize(value)).toBe(text);
    // 1E30 is a whole number that no other program need keep exactly.
    expect(textOrCode(value)).toBe(name === 'values' ? 'json_unrepresentable' : text);
  });
});

describe('canonical', () => {
  it('is the same after a round trip, and loses nothing', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonical(value);
        expect(canonical(JSON.parse(text))).toBe(text);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), json).filter((value) => isJson(value)),
        (value) => {
          expect(canonical(Object.fromEntries(Object.entries(value).toReversed()))).toBe(canonical(value));
        },
      ),
    );
  });

  const cycle: unknown[] = [];
  cycle.push(cycle);
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  it.each([
    ['undefined', undefined],
    ['a member that is undefined', { a: undefined }],
    ['an item that is undefined', [undefined]],
    ['a sparse array', Array(2)],
    ['a function', () => 1],
    ['a toJSON function', { toJSON: () => 1 }],
    ['a symbol', Symbol('x')],
    ['a bigint', 1n],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['a class instance', new (class Point {})()],
    ['an inherited toJSON', Object.create(Object.create(null, { toJSON: { value: () => 1 } }))],
    ['a lone surrogate', 'a\ud800'],
    ['a member name with a lone surrogate', { '\udc00': 1 }],
    ['a member named __proto__', JSON.parse('{"__proto__":1}')],
    ['a cycle', cycle],
    ['65 levels', deep(65)],
  ])('refuses %s', (_, value) => {
    expect(() => canonical(value)).toThrow(unrepresentable);
    expect(isJson(value)).toBe(false);
  });

  it('takes 64 levels', () => {
    expect(isJson(deep(64))).toBe(true);
  });

  it('names the place and not the value', () => {
    expect(() => canonical({ a: { 'b.c': [1, Number.NaN] } })).toThrow('"a.b.c[1]" is NaN, which JSON cannot say.');
  });
});

describe('canonicalOf', () => {
  it('treats a member that is undefined as absent, at any depth', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalOf({ kept: value, gone: undefined, deep: [{ gone: undefined }] })).toBe(canonical({ kept: value, deep: [{}] }));
      }),
    );
  });

  it('still refuses what JSON cannot say', () => {
    for (const value of [[undefined], undefined, { a: () => 1 }, { d: new Date(0) }, JSON.parse('{"a":{"__proto__":1}}')]) {
      expect(() => canonicalOf(value)).toThrow(unrepresentable);
    }
  });
});
