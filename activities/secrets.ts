/** A reference to a secret: `secret:` and an upper-case name. The value is known to the worker alone. */
const REFERENCE = /^secret:([A-Z][A-Z0-9_]{0,127})$/;

/** Finds a secret's value by name; undefined where the worker has none. */
export type SecretSource = (name: string) => string | undefined;

export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
}

/** Dotted paths of declared secret fields that hold a literal instead of a reference. Absent fields are fine. */
export function literalSecrets(input: unknown, paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => literalsAt(input, path.split('.'), []));
}

/** A copy in which the given dotted paths read `[refused literal]`, so that a refusal can be recorded. */
export function withoutLiterals(input: unknown, paths: readonly string[]): unknown {
  return paths.reduce((copy, path) => replaceAt(copy, path.split('.')), input);
}

/** The secrets of one attempt: resolves references, remembers the values, and takes them out of texts. */
export class AttemptSecrets {
  readonly #source: SecretSource;
  readonly #seen = new Map<string, string>();

  constructor(source: SecretSource) {
    this.#source = source;
  }

  resolve(reference: string): string {
    const name = REFERENCE.exec(reference)?.[1];
    if (name === undefined) throw new SecretMissing('A secret is named as "secret:NAME"; got something else, which is not shown.');
    const value = this.#source(name);
    if (value === undefined || value === '') throw new SecretMissing(`The worker has no secret named ${name}.`);
    this.#seen.set(name, value);
    return value;
  }

  scrubText(text: string): string {
    let clean = text;
    for (const [name, value] of this.#seen) clean = clean.replaceAll(value, `[secret ${name}]`);
    return clean;
  }

  /** A copy of a JSON-like value with every occurrence of a resolved secret replaced, in names as well. */
  scrub(value: unknown): unknown {
    if (this.#seen.size === 0) return value;
    if (typeof value === 'string') return this.scrubText(value);
    if (Array.isArray(value)) return value.map((item) => this.scrub(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.scrubText(key), this.scrub(item)]));
  }
}

function literalsAt(value: unknown, path: readonly string[], walked: readonly string[]): readonly string[] {
  const [head, ...rest] = path;
  if (value === undefined || value === null) return [];
  if (head === undefined) return typeof value === 'string' && REFERENCE.test(value) ? [] : [walked.join('.')];
  if (typeof value !== 'object') return [walked.join('.')];
  if (head === '*') return Object.entries(value).flatMap(([key, item]) => literalsAt(item, rest, [...walked, key]));
  return Object.hasOwn(value, head) ? literalsAt((value as Record<string, unknown>)[head], rest, [...walked, head]) : [];
}

function replaceAt(value: unknown, path: readonly string[]): unknown {
  const [head, ...rest] = path;
  if (head === undefined) return '[refused literal]';
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === head ? replaceAt(item, rest) : item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, key === head ? replaceAt(item, rest) : item]));
}
