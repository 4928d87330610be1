import type { Json } from '../core/index.ts';

/** A Cedar type as its JSON schema format states it; only those that JSON can carry without a doubt. */
export type CedarType =
  | { readonly type: 'String' | 'Long' | 'Boolean' }
  | { readonly type: 'Set'; readonly element: CedarType }
  | RecordType;
export type Attribute = CedarType & { readonly required: boolean };
export interface RecordType {
  readonly type: 'Record';
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A part of an action's input or facts that policies cannot see: `input.prices.*`, and why. */
export interface LeftOut {
  readonly path: string;
  readonly why: string;
}

/** Keys by which Cedar's JSON format names entities and extension values. */
export const RESERVED_KEYS: readonly string[] = ['__entity', '__extn', '__expr'];

type Node = Readonly<Record<string, Json>>;
interface Scope {
  readonly root: Json;
  readonly path: string;
  /** References that are being followed; one met again is recursive. */
  readonly following: readonly string[];
  readonly leftOut: LeftOut[];
}

/**
 * The Cedar type of a JSON Schema (2020-12, as zod 4 writes it), or null where it has none. What is left out, at any
 * depth, is named with its path, which begins with `path`. An optional property is an optional attribute; formats,
 * lengths and ranges do not matter, since the gate has parsed the value before a policy sees it.
 */
export function cedarType(schema: Json, path: string): { readonly type: CedarType | null; readonly leftOut: readonly LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const type = typeOf(schema, { root: schema, path, following: [], leftOut });
  return { type, leftOut };
}

function typeOf(schema: Json, scope: Scope): CedarType | null {
  if (!isNode(schema)) return leave(scope, schema === false ? 'no value is ever valid' : 'may be anything');
  if (typeof schema['$ref'] === 'string') return follow(schema['$ref'], scope);
  const options = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(options)) return unionOf(options, scope);
  if (schema['allOf'] !== undefined) return leave(scope, 'is an intersection of schemas');
  if (schema['not'] !== undefined) return leave(scope, 'is stated by what it is not');
  const values = schema['const'] === undefined ? schema['enum'] : [schema['const']];
  if (Array.isArray(values)) return constantsOf(values, scope);
  const { type } = schema;
  switch (type) {
    case 'string':
      return { type: 'String' };
    case 'boolean':
      return { type: 'Boolean' };
    case 'integer':
      return { type: 'Long' };
    case 'number':
      return leave(scope, 'may be a fraction, and Cedar has whole numbers only (use z.int(), or a string)');
    case 'null':
      return leave(scope, 'is null, which Cedar has no value for');
    case 'array':
      return setOf(schema, scope);
    case 'object':
      return recordOf(schema, scope);
    default:
      return leave(scope, Array.isArray(type) ? `is one of several types (${type.join(', ')})` : 'may be anything');
  }
}

function recordOf(schema: Node, scope: Scope): CedarType | null {
  const properties = isNode(schema['properties']) ? schema['properties'] : null;
  const others = schema['additionalProperties'];
  const open = others !== undefined && others !== false;
  if (schema['patternProperties'] !== undefined || (open && properties === null)) return leave(scope, 'is a map, whose keys are not known');
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  const attributes: Record<string, Attribute> = {};
  for (const [name, property] of Object.entries(properties ?? {})) {
    const inner = { ...scope, path: `${scope.path}.${name}` };
    if (RESERVED_KEYS.includes(name) || name === '__proto__') leave(inner, 'has a reserved name');
    else {
      const type = typeOf(property, inner);
      if (type !== null) attributes[name] = { ...type, required: required.includes(name) };
    }
  }
  if (open) leave({ ...scope, path: `${scope.path}.*` }, 'are members that the schema does not name');
  return { type: 'Record', attributes };
}

function setOf(schema: Node, scope: Scope): CedarType | null {
  if (schema['prefixItems'] !== undefined) return leave(scope, 'is a tuple, and a set of Cedar has no order');
  const element = typeOf(schema['items'] ?? null, { ...scope, path: `${scope.path}[]` });
  return element === null ? null : { type: 'Set', element };
}

/** Alternatives of one and the same plain type are that type; others have none. */
function unionOf(options: readonly Json[], scope: Scope): CedarType | null {
  const types = options.map((option) => typeOf(option, { ...scope, leftOut: [] }));
  const [first] = types;
  const plain = first?.type === 'String' || first?.type === 'Long' || first?.type === 'Boolean';
  return plain && types.every((type) => type?.type === first.type) ? first : leave(scope, 'is one of several types');
}

function constantsOf(values: readonly Json[], scope: Scope): CedarType | null {
  if (values.every((value) => typeof value === 'string')) return { type: 'String' };
  if (values.every((value) => typeof value === 'boolean')) return { type: 'Boolean' };
  if (values.every((value) => Number.isSafeInteger(value))) return { type: 'Long' };
  return leave(scope, 'is one of several types, or may be null or a fraction');
}

function follow(reference: string, scope: Scope): CedarType | null {
  if (reference === '#' || scope.following.includes(reference)) return leave(scope, 'refers to itself');
  const name = /^#\/\$defs\/(.+)$/.exec(reference)?.[1]?.replaceAll('~1', '/').replaceAll('~0', '~');
  const definitions = isNode(scope.root) ? scope.root['$defs'] : undefined;
  const target = name !== undefined && isNode(definitions) ? definitions[name] : undefined;
  if (target === undefined) return leave(scope, `refers to ${reference}, which is not in the schema`);
  return typeOf(target, { ...scope, following: [...scope.following, reference] });
}

function leave({ leftOut, path }: Scope, why: string): null {
  leftOut.push({ path, why });
  return null;
}

function isNode(value: Json | undefined): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
