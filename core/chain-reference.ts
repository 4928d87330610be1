import { canonical } from './canonical.ts';
import type { Json } from './names.ts';
import { Refusal } from './refusal.ts';

/** What `${{ … }}` names: a place in an earlier step's output, or in the chain's input. `path` may be empty. */
export type Reference =
  | { readonly kind: 'output'; readonly step: string; readonly path: readonly string[] }
  | { readonly kind: 'input'; readonly path: readonly string[] };

/** A reference as it was written, and the dotted field of the step's input that it stands in. */
export interface PlacedReference {
  readonly field: string;
  readonly written: string;
  readonly reference: Reference;
}

/** What references draw on: the outputs so far by step id, and the chain's input. */
export interface Sources {
  readonly outputs: Readonly<Record<string, Json>>;
  readonly input: Json;
}

const SEGMENT = /^[A-Za-z0-9_-]+$/;

/**
 * Every reference in a value's texts, in order. Names of members are not searched.
 * Throws `Refusal` `chain_invalid` for `${{` that is not closed or does not name a place.
 */
export function findReferences(value: Json, field: string): readonly PlacedReference[] {
  if (typeof value === 'string') return split(value, field).flatMap((part) => (part.kind === 'text' ? [] : [part.placed]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value as { readonly [key: string]: Json }).flatMap(([key, item]) => findReferences(item, `${field}.${key}`));
}

/**
 * The value with its references replaced. A text that is one reference becomes what it names, of whatever
 * type; within a longer text, a named text is inserted as it is, and anything else as its JSON. What is
 * inserted is not searched again. Throws `Refusal` `chain_reference_missing` where a place does not exist.
 */
export function resolveReferences(value: Json, field: string, sources: Sources): Json {
  if (typeof value === 'string') return resolveText(value, field, sources);
  if (Array.isArray(value)) return value.map((item: Json, index) => resolveReferences(item, `${field}.${index}`, sources));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveReferences(item, `${field}.${key}`, sources)]));
}

/** What stands at a path; undefined = nothing. Only members of its own count, so that no prototype is reached. */
export function valueAt(value: Json, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name) || (Array.isArray(at) && !/^\d+$/.test(name))) return undefined;
    at = (at as { readonly [key: string]: Json })[name];
  }
  return at;
}

function resolveText(text: string, field: string, sources: Sources): Json {
  const parts = split(text, field);
  const [only] = parts;
  if (parts.length === 1 && only?.kind === 'reference') return follow(only.placed, sources);
  return parts.map((part) => (part.kind === 'text' ? part.text : asText(follow(part.placed, sources)))).join('');
}

function asText(value: Json): string {
  return typeof value === 'string' ? value : canonical(value);
}

function follow({ field, written, reference }: PlacedReference, { outputs, input }: Sources): Json {
  const from = reference.kind === 'input' ? input : Object.hasOwn(outputs, reference.step) ? outputs[reference.step] : undefined;
  const value = from === undefined ? undefined : valueAt(from, reference.path);
  if (value !== undefined) return value;
  throw new Refusal('invalid', 'chain_reference_missing', `"${field}": ${written} names something that is not there.`, {
    hint: 'Correct the path, or let the earlier step return that value.',
    data: { field, reference: written },
  });
}

type Part = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'reference'; readonly placed: PlacedReference };

function split(text: string, field: string): readonly Part[] {
  const parts: Part[] = [];
  let rest = text;
  for (let open = rest.indexOf('${{'); open !== -1; open = rest.indexOf('${{')) {
    const close = rest.indexOf('}}', open);
    if (close === -1) throw unreadable(field, '${{ without }}');
    const written = rest.slice(open, close + 2);
    if (open > 0) parts.push({ kind: 'text', text: rest.slice(0, open) });
    parts.push({ kind: 'reference', placed: { field, written, reference: parseReference(written, field) } });
    rest = rest.slice(close + 2);
  }
  if (rest !== '') parts.push({ kind: 'text', text: rest });
  return parts;
}

function parseReference(written: string, field: string): Reference {
  const [root, ...names] = written.slice(3, -2).trim().split('.');
  if (!names.every((name) => SEGMENT.test(name))) throw unreadable(field, written);
  if (root === 'input') return { kind: 'input', path: names };
  const [step, output, ...path] = names;
  if (root !== 'steps' || step === undefined || output !== 'output') throw unreadable(field, written);
  return { kind: 'output', step, path };
}

function unreadable(field: string, written: string): Refusal {
  const shown = written.length > 60 ? `${written.slice(0, 60)}…` : written;
  return new Refusal('invalid', 'chain_invalid', `"${field}": ${shown} is not a reference.`, {
    hint: 'A reference is ${{ steps.ID.output.path }} or ${{ input.path }}; text that has ${{ in it can be given through the input.',
    data: { field, reference: shown },
  });
}
