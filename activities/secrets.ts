import { isSecretReference } from '../core/index.ts';
import { scrubber } from './scrub.ts';
import type { Scrubber } from './scrub.ts';

/** A shorter value could not be told from other text, so it could not be taken out of it either. In characters. */
const SHORTEST = 8;

/** Finds a secret's value by name; undefined where the worker has none. */
export type SecretSource = (name: string) => string | undefined;

export class SecretMissing extends Error {
  override readonly name = 'SecretMissing';
}

/** Where a field is in an input: `['auth', 'tokens', '0']`. */
export type FieldPath = readonly string[];

/** Declared secret fields that hold something else than a reference. Absent fields are fine. `*` stands for every item. */
export function literalSecrets(input: unknown, paths: readonly string[]): readonly FieldPath[] {
  return fieldsAt(input, paths)
    .filter(({ value }) => !isSecretReference(value))
    .map(({ at }) => at);
}

/** A copy in which the given fields read `[refused literal]`, so that a refusal can be recorded. */
export function withoutLiterals(input: unknown, fields: readonly FieldPath[]): unknown {
  return fields.reduce(replaceAt, input);
}

/** The secrets of one attempt: resolves references, remembers the values, and takes them out of what the action says. */
export class AttemptSecrets {
  readonly #source: SecretSource;
  readonly #seen = new Map<string, string>();
  #scrubber: Scrubber = scrubber([]);

  constructor(source: SecretSource) {
    this.#source = source;
  }

  /** Throws `SecretMissing` where the worker lacks a secret that a declared field of this input names. */
  resolveAll(input: unknown, paths: readonly string[]): void {
    for (const { value } of fieldsAt(input, paths)) if (isSecretReference(value)) this.resolve(value);
  }

  resolve(reference: string): string {
    if (!isSecretReference(reference))
      throw new SecretMissing('A secret is named as "secret:NAME"; got something else, which is not shown.');
    const name = reference.slice('secret:'.length);
    const value = this.#source(name);
    if (value === undefined || value === '') throw new SecretMissing(`The worker has no secret named ${name}.`);
    if (value.length < SHORTEST) {
      throw new SecretMissing(
        `The secret ${name} is shorter than ${SHORTEST} characters, so it could not be kept out of results and errors.`,
      );
    }
    if (this.#seen.get(name) !== value) {
      this.#seen.set(name, value);
      this.#scrubber = scrubber([...this.#seen]);
    }
    return value;
  }

  scrubText(text: string): string {
    return this.#scrubber.text(text);
  }

  /** A copy with every occurrence of a resolved secret replaced, in names as well; the value itself where none was resolved. */
  scrub(value: unknown): unknown {
    return this.#seen.size === 0 ? value : this.#scrubber.value(value);
  }
}

interface Field {
  readonly at: FieldPath;
  readonly value: unknown;
}

function fieldsAt(input: unknown, paths: readonly string[]): readonly Field[] {
  return paths.flatMap((path) => walk({ at: [], value: input }, path.split('.')));
}

function walk({ at, value }: Field, path: readonly string[]): readonly Field[] {
  const [head, ...rest] = path;
  if (value === undefined || value === null) return [];
  // What stands above the place where the reference belongs may be the secret as well.
  if (head === undefined || typeof value !== 'object') return [{ at, value }];
  if (head === '*') return Object.entries(value).flatMap(([key, item]) => walk({ at: [...at, key], value: item }, rest));
  return Object.hasOwn(value, head) ? walk({ at: [...at, head], value: (value as Record<string, unknown>)[head] }, rest) : [];
}

function replaceAt(value: unknown, at: FieldPath): unknown {
  const [head, ...rest] = at;
  if (head === undefined) return '[refused literal]';
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === head ? replaceAt(item, rest) : item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, key === head ? replaceAt(item, rest) : item]));
}
