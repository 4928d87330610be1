import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Json } from '../core/index.ts';
import { RESERVED_KEYS } from './cedar-type.ts';
import type { CedarType, RecordType } from './cedar-type.ts';

/** `canonical` accepts no deeper value either. */
const MAX_DEPTH = 64;

/** The path of the first member whose name Cedar's JSON format would read as an entity or a function, or null. */
export function reservedKey(value: Json, path: string, depth = 0): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (depth > MAX_DEPTH) return path;
  for (const [name, member] of Object.entries<Json>(value)) {
    const at = Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`;
    if (!Array.isArray(value) && RESERVED_KEYS.includes(name)) return at;
    const inner = reservedKey(member, at, depth + 1);
    if (inner !== null) return inner;
  }
  return null;
}

/** What keeps a value from being of its type, in words that follow its path, or null. Members of no attribute are not looked at. */
export function mismatch(value: Json | undefined, type: CedarType, path: string): string | null {
  switch (type.type) {
    case 'String':
      return typeof value === 'string' && value.isWellFormed() ? null : `${path} is not well-formed text`;
    case 'Boolean':
      return typeof value === 'boolean' ? null : `${path} is not true or false`;
    case 'Long':
      return Number.isSafeInteger(value) ? null : `${path} is not a whole number within ±(2^53 − 1)`;
    case 'Set': {
      if (!Array.isArray(value)) return `${path} is not a list`;
      return firstOf(value as readonly Json[], (item, index) => mismatch(item, type.element, `${path}[${index}]`));
    }
    case 'Record': {
      if (!isRecord(value)) return `${path} is not an object`;
      return firstOf(Object.entries(type.attributes), ([name, attribute]) => {
        const at = `${path}.${name}`;
        if (Object.hasOwn(value, name) && value[name] !== undefined) return mismatch(value[name], attribute, at);
        return attribute.required ? `${at} is missing` : null;
      });
    }
  }
}

/** The part of a value that `type` describes, of a value in which `mismatch` found nothing. */
export function cedarValue(value: Json, type: CedarType): CedarValueJson {
  switch (type.type) {
    case 'Set':
      return (value as readonly Json[]).map((item) => cedarValue(item, type.element));
    case 'Record':
      return recordValue(value as Readonly<Record<string, Json>>, type);
    // Not a negative zero, which is no integer in every reader's eyes.
    case 'Long':
      return (value as number) + 0;
    default:
      return value as string | boolean;
  }
}

function recordValue(value: Readonly<Record<string, Json>>, type: RecordType): Record<string, CedarValueJson> {
  const record: Record<string, CedarValueJson> = {};
  for (const [name, attribute] of Object.entries(type.attributes)) {
    if (!Object.hasOwn(value, name)) continue;
    const member = value[name];
    if (member !== undefined) record[name] = cedarValue(member, attribute);
  }
  return record;
}

function isRecord(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstOf<T>(items: readonly T[], find: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== null) return found;
  }
  return null;
}
