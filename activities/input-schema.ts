import type { Json } from '../core/index.ts';

type Node = { readonly [key: string]: Json };

/** Whether a JSON Schema can be one of objects. */
export function isObjectSchema(schema: Json): boolean {
  const { type } = nodeOf(schema);
  return type === undefined || type === 'object';
}

/**
 * Whether a dotted path leads to a place that the schema may have; `*` stands for every item or member. Where a schema
 * says nothing of what is there, it may.
 */
export function fieldExists(schema: Json, path: readonly string[], root: Json = schema): boolean {
  const [head, ...rest] = path;
  if (head === undefined) return true;
  const at = followed(nodeOf(schema), nodeOf(root));
  const options = [at['anyOf'], at['oneOf'], at['allOf']].flatMap((some) => (Array.isArray(some) ? (some as readonly Json[]) : []));
  if (options.length > 0) return options.some((option) => fieldExists(option, path, root));
  const property = nodeOf(at['properties'] ?? null)[head];
  if (head !== '*' && property !== undefined) return fieldExists(property, rest, root);
  if (at['type'] === 'array') return (head === '*' || /^\d+$/.test(head)) && fieldExists(at['items'] ?? {}, rest, root);
  if (at['type'] === 'object') {
    const others = at['additionalProperties'];
    if (head === '*' && at['properties'] !== undefined)
      return Object.values(nodeOf(at['properties'])).some((one) => fieldExists(one, rest, root));
    return others !== undefined && others !== false && fieldExists(others, rest, root);
  }
  return at['type'] === undefined;
}

/** The place at which a value has another type once it is parsed, by the schemas of before and after; null = none has. */
export function typeChange(before: Json, after: Json, at = ''): string | null {
  const [from, to] = [nodeOf(before), nodeOf(after)];
  const changed = ['type', 'const', 'enum', '$ref'].some((word) => JSON.stringify(from[word]) !== JSON.stringify(to[word]));
  if (changed) return at === '' ? '(whole)' : at;
  const inner = (path: string): string => (at === '' ? path : `${at}.${path}`);
  return (
    changeAmong(nodeOf(from['properties'] ?? null), nodeOf(to['properties'] ?? null), inner) ??
    changeAmong(nodeOf(from['$defs'] ?? null), nodeOf(to['$defs'] ?? null), inner) ??
    changeAmong(listOf(from), listOf(to), () => at) ??
    stated(from['items'], to['items'], inner('*')) ??
    stated(from['additionalProperties'], to['additionalProperties'], inner('*'))
  );
}

/** Whether more members are allowed differs between the two without a change of type; only a stated schema counts. */
function stated(before: Json | undefined, after: Json | undefined, at: string): string | null {
  return isNode(before) && isNode(after) ? typeChange(before, after, at) : null;
}

function changeAmong(before: Node, after: Node, place: (name: string) => string): string | null {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [from, to] = [before[name], after[name]];
    const found = from === undefined || to === undefined ? place(name) : typeChange(from, to, place(name));
    if (found !== null) return found;
  }
  return null;
}

function listOf(node: Node): Node {
  const lists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'].flatMap((word) =>
    Array.isArray(node[word]) ? (node[word] as readonly Json[]) : [],
  );
  return Object.fromEntries(lists.map((item, index) => [String(index), item]));
}

function followed(node: Node, root: Node): Node {
  const name = /^#\/\$defs\/(.+)$/.exec(typeof node['$ref'] === 'string' ? node['$ref'] : '')?.[1];
  return name === undefined ? node : nodeOf(nodeOf(root['$defs'] ?? null)[name] ?? null);
}

function nodeOf(value: Json): Node {
  return isNode(value) ? value : {};
}

function isNode(value: Json | undefined): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
