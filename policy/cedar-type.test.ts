import { checkParseSchema } from '@cedar-policy/cedar-wasm/nodejs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Json } from '../core/index.ts';
import { actionShapes, cedarSchema } from './cedar-schema.ts';
import { cedarType } from './cedar-type.ts';
import { cedarValue, mismatch } from './cedar-value.ts';
import { manifest } from './manifests.fixture.ts';

const typed = (schema: z.ZodType) => cedarType(JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io: 'input' }))) as Json, 'input');
const tree = z.object({
  name: z.string(),
  get kids() {
    return z.array(tree);
  },
});
const shared = z.object({ a: z.string() }).meta({ id: 'Shared' });

describe('what Cedar can represent', () => {
  test.each<[string, z.ZodType, object]>([
    ['text of any format', z.iso.datetime(), { type: 'String' }],
    ['an enum of texts', z.enum(['a', 'b']), { type: 'String' }],
    ['an enum of integers', z.literal([1, 2]), { type: 'Long' }],
    ['a literal', z.literal(true), { type: 'Boolean' }],
    ['an integer', z.number().int().min(1), { type: 'Long' }],
    ['a list', z.array(z.int()), { type: 'Set', element: { type: 'Long' } }],
    ['alternatives of one type', z.union([z.literal('a'), z.email()]), { type: 'String' }],
    ['a text that is read as something else', z.string().transform(Number), { type: 'String' }],
    [
      'an object',
      z.object({ a: z.string(), b: z.int().optional(), c: z.boolean().default(true) }),
      {
        type: 'Record',
        attributes: {
          a: { type: 'String', required: true },
          b: { type: 'Long', required: false },
          c: { type: 'Boolean', required: false },
        },
      },
    ],
    [
      'a shared definition',
      z.object({ x: shared, y: shared }),
      {
        type: 'Record',
        attributes: {
          x: { type: 'Record', required: true, attributes: { a: { type: 'String', required: true } } },
          y: { type: 'Record', required: true, attributes: { a: { type: 'String', required: true } } },
        },
      },
    ],
  ])('%s', (_, schema, type) => {
    expect(typed(schema)).toEqual({ type, leftOut: [] });
  });
});

describe('what it cannot is left out and named', () => {
  test.each<[string, z.ZodType, string, string]>([
    ['a fraction', z.object({ x: z.number() }), 'input.x', 'fraction'],
    ['a text or null', z.object({ x: z.string().nullable() }), 'input.x', 'several types'],
    ['null', z.object({ x: z.null() }), 'input.x', 'null'],
    ['a union', z.object({ x: z.union([z.string(), z.int()]) }), 'input.x', 'several types'],
    [
      'a union of objects',
      z.object({ x: z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]) }),
      'input.x',
      'several types',
    ],
    ['mixed literals', z.object({ x: z.literal(['a', 1]) }), 'input.x', 'several types'],
    ['a map', z.object({ x: z.record(z.string(), z.string()) }), 'input.x', 'map'],
    ['anything', z.object({ x: z.unknown() }), 'input.x', 'anything'],
    ['a tuple', z.object({ x: z.tuple([z.string(), z.int()]) }), 'input.x', 'tuple'],
    ['a list of what it cannot', z.object({ x: z.array(z.number()) }), 'input.x[]', 'fraction'],
    ['a deep part', z.object({ x: z.array(z.object({ id: z.string(), price: z.number() })) }), 'input.x[].price', 'fraction'],
    ['what refers to itself', z.object({ x: tree }), 'input.x.kids[]', 'itself'],
    ['unnamed members', z.looseObject({ x: z.string() }), 'input.*', 'does not name'],
    ['a reserved name', z.object({ __entity: z.string() }), 'input.__entity', 'reserved'],
  ])('%s', (_, schema, path, why) => {
    expect(typed(schema).leftOut).toEqual([{ path, why: expect.stringContaining(why) }]);
  });

  test('an input that is nothing but such a value leaves no input', () => {
    expect(typed(z.number())).toMatchObject({ type: null, leftOut: [{ path: 'input' }] });
  });
});

describe('generated schemas', () => {
  const name = fc.oneof(
    fc.constantFrom('a', 'type', 'if', 'a b', 'é', '"', 'in', 'has'),
    fc.string({ maxLength: 8 }).filter((text) => text !== '__proto__'),
  );
  const { schema } = fc.letrec<{ schema: z.ZodType }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<z.ZodType>(z.string(), z.int(), z.boolean(), z.number(), z.null(), z.enum(['x', 'y'])),
      tie('schema').map((inner) => z.array(inner)),
      fc
        .dictionary(name, fc.tuple(tie('schema'), fc.boolean()), { maxKeys: 4 })
        .map((members) =>
          z.object(
            Object.fromEntries(Object.entries(members).map(([key, [inner, optional]]) => [key, optional ? inner.optional() : inner])),
          ),
        ),
    ),
  }));

  test('are schemas to Cedar, whatever the names', () => {
    fc.assert(
      fc.property(schema, name, (input, action) => {
        const answer = checkParseSchema(cedarSchema(actionShapes([manifest(action, { input, facts: input })])));
        expect(answer).toEqual({ type: 'success' });
      }),
      { numRuns: 60 },
    );
  });
});

describe('values', () => {
  const type = typed(z.looseObject({ n: z.int(), s: z.string().optional(), list: z.array(z.object({ a: z.string() })).optional() })).type!;

  test('a value is cut to what its type describes', () => {
    const value = { n: -0, list: [{ a: 'x', b: 1 }], other: 0.5 };
    expect(mismatch(value, type, 'input')).toBeNull();
    expect(cedarValue(value, type)).toStrictEqual({ n: 0, list: [{ a: 'x' }] });
  });

  test('only a value of the type is found right', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const right = z
          .object({ n: z.int(), s: z.string().optional(), list: z.array(z.object({ a: z.string() })).optional() })
          .safeParse(value).success;
        const found = mismatch(value as Json, type, 'input');
        expect(found === null).toBe(right && JSON.stringify(value).isWellFormed());
      }),
    );
  });

  test('members that are inherited do not count', () => {
    const inherits = typed(z.object({ toString: z.string() })).type!;
    expect(mismatch({}, inherits, 'input')).toBe('input.toString is missing');
  });
});
