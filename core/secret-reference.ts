import type { Json } from './names.ts';

/**
 * What a secret field may hold: the name of a secret, never the secret. Names are upper-case letters, digits and
 * underscores, beginning with a letter: what else looks like a reference may be a secret that somebody put there.
 */
export function isSecretReference(value: unknown): value is string {
  return typeof value === 'string' && /^secret:[A-Z][A-Z0-9_]{0,127}$/.test(value);
}

/** A field of an input, and where it is: `auth.tokens.0`. */
export interface FoundField {
  readonly path: string;
  readonly value: Json;
}

/**
 * The fields that a manifest's secret paths name and this input has. A path is dotted; `*` stands for every
 * item of an array or member of an object. Absent and null fields are not listed: there is no secret in them.
 */
export function secretFields(input: Json, paths: readonly string[]): readonly FoundField[] {
  return paths.flatMap((path) => find({ path: '', value: input }, path.split('.')));
}

function find(at: FoundField, rest: readonly string[]): readonly FoundField[] {
  const [name, ...further] = rest;
  if (at.value === null) return [];
  // A literal above the place where the reference belongs is still a literal.
  if (name === undefined || typeof at.value !== 'object') return [at];
  const members = Object.entries(at.value as { readonly [key: string]: Json });
  return members
    .filter(([key]) => name === '*' || key === name)
    .flatMap(([key, value]) => find({ path: at.path === '' ? key : `${at.path}.${key}`, value }, further));
}
