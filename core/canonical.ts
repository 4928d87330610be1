import canonicalize from 'canonicalize';
import type { CanonicalText, Json } from './names.ts';
import { Refusal } from './refusal.ts';

/** Deepest nesting that is accepted; deeper input is refused, not truncated. */
const MAX_DEPTH = 64;

/**
 * The RFC 8785 text of a JSON value. Throws `Refusal` `json_unrepresentable`, naming the place, for what
 * has no single JSON meaning: `undefined`, functions, symbols, bigints, non-finite and unsafe numbers,
 * lone surrogates, `__proto__` keys, sparse arrays, class instances, cycles and nesting beyond 64.
 */
export function canonical(value: unknown): CanonicalText {
  check(value, '', 0);
  return canonicalize(value) as CanonicalText;
}

/** As `canonical`, but a member whose value is `undefined` counts as absent, as it does in `JSON.stringify`. */
export function canonicalOf(value: unknown): CanonicalText {
  return canonical(dropUndefined(value, 0));
}

export function isJson(value: unknown): value is Json {
  try {
    check(value, '', 0);
    return true;
  } catch {
    return false;
  }
}

function check(value: unknown, at: string, depth: number): void {
  if (depth > MAX_DEPTH) refuse(at, `is nested deeper than ${MAX_DEPTH} levels`);
  switch (typeof value) {
    case 'boolean':
      return;
    case 'string':
      if (!value.isWellFormed()) refuse(at, 'is text with a lone surrogate');
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(at, `is ${String(value)}, which JSON cannot say`);
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) refuse(at, 'is a whole number beyond 2^53 − 1');
      return;
    case 'object':
      if (value !== null) checkMembers(value, at, depth);
      return;
    default:
      refuse(at, `is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which JSON cannot say`);
  }
}

function checkMembers(value: object, at: string, depth: number): void {
  // It would stand for another value than the one that was checked.
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === 'function') refuse(at, 'has a toJSON function');
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) check(value[index], `${at}[${index}]`, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // A prototype whose own prototype is null is another realm's Object.prototype: the workflow sandbox's.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse(at, 'is an instance of a class');
  for (const key of Object.keys(value)) {
    if (key === '__proto__') refuse(at, 'has a member "__proto__"');
    if (!key.isWellFormed()) refuse(at, 'has a member name with a lone surrogate');
    check((value as Record<string, unknown>)[key], at === '' ? key : `${at}.${key}`, depth + 1);
  }
}

function dropUndefined(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => dropUndefined(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== undefined);
  // Not `fromEntries` on a plain object: a `__proto__` entry must reach `check`, not the prototype.
  const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of kept) copy[key] = dropUndefined(item, depth + 1);
  return copy;
}

function refuse(at: string, rule: string): never {
  throw new Refusal('invalid', 'json_unrepresentable', `${at === '' ? 'The value' : `"${at}"`} ${rule}.`, { data: { path: at } });
}
