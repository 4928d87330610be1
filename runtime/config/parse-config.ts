import { LineCounter, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';
import { Refusal, closestWord } from '../../core/index.ts';
import { configSchema } from './schema.ts';
import type { ConfigFile } from './schema.ts';

/** What can look like a setting of the file but is a secret or of one machine, and where it belongs. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  ledger: "The ledger's URL is a secret: set DATABASE_URL in the environment.",
  database: "The ledger's URL is a secret: set DATABASE_URL in the environment.",
  port: 'The port is of one machine: set HOLDPOINT_PORT in the environment.',
  home: 'The state folder is of one machine: set HOLDPOINT_HOME in the environment.',
  token: 'A token is a secret: set HOLDPOINT_TOKEN in the environment.',
};

type Path = readonly PropertyKey[];

/** The text of a configuration file, checked; or every problem in it, each with file, line and column. */
export function parseConfig(text: string, file: string): { readonly file: ConfigFile } | { readonly problems: readonly Refusal[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, strict: true, lineCounter: lines });
  const where = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    return { problems: document.errors.map((error) => notYaml(where(error.pos[0]), error.code, error.message)) };
  }
  let value: unknown;
  try {
    value = (document.toJS({ maxAliasCount: 0 }) as unknown) ?? {};
  } catch (error) {
    return { problems: [notYaml(file, 'ALIAS', 'aliases (*name) are not accepted', error)] };
  }
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    const inOrder = parsed.error.issues.toSorted((a, b) => offsetOf(document, a.path, false) - offsetOf(document, b.path, false));
    return { problems: inOrder.flatMap((issue) => problemsOf(issue, value, (path, key) => where(offsetOf(document, path, key)))) };
  }
  const problems = strangers(parsed.data, (path) => where(offsetOf(document, path, false)));
  return problems.length > 0 ? { problems } : { file: parsed.data };
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown, where: (path: Path, key: boolean) => string): readonly Refusal[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownKey(where([...issue.path, key], true), [...issue.path, key], siblings(issue.path)));
  }
  if (issue.code === 'invalid_key') {
    const rule = issue.issues[0]?.message ?? 'is not a name';
    return [invalid(where(issue.path, true), issue.path, rule, String(issue.path.at(-1)))];
  }
  return [invalid(where(issue.path, false), issue.path, issue.message, received(value, issue.path))];
}

function unknownKey(at: string, path: Path, known: readonly string[]): Refusal {
  const key = String(path.at(-1));
  const guess = closestWord(key, known);
  const hint = ELSEWHERE[key] ?? (guess === null ? `Known here: ${known.join(', ')}.` : `Did you mean "${guess}"?`);
  return new Refusal('invalid', 'config_unknown_key', `${at}: "${path.map(String).join('.')}" is not a setting.`, { hint });
}

function invalid(at: string, path: Path, rule: string, got: string): Refusal {
  const field = path.length === 0 ? 'the file' : path.map(String).join('.');
  return new Refusal('invalid', 'config_invalid', `${at}: ${field} ${rule}; got ${got}.`);
}

function notYaml(at: string, code: string, message: string, cause?: unknown): Refusal {
  const line = message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? message;
  const duplicate = code === 'DUPLICATE_KEY';
  return new Refusal(
    'invalid',
    duplicate ? 'config_duplicate_key' : 'config_not_yaml',
    `${at}: ${duplicate ? 'a key stands twice in one map' : `not YAML: ${line}`}.`,
    {
      hint: duplicate ? 'Keep one of the two.' : 'Check indentation and quotes at this place.',
      cause,
    },
  );
}

/** Members of groups whom `people` does not have: nobody could ever be that approver. */
function strangers(config: ConfigFile, where: (path: Path) => string): readonly Refusal[] {
  const people = Object.keys(config.people ?? {});
  return Object.entries(config.groups ?? {}).flatMap(([group, members]) =>
    members.flatMap((member, index) => {
      const path = ['groups', group, index];
      const twice = members.indexOf(member) < index;
      if (people.includes(member) && !twice) return [];
      if (twice) return [new Refusal('invalid', 'config_invalid', `${where(path)}: groups.${group} names "${member}" twice.`)];
      const guess = closestWord(member, people);
      return [
        new Refusal('invalid', 'config_unknown_person', `${where(path)}: groups.${group} names "${member}", who is not among the people.`, {
          hint: guess === null ? `Add "${member}" under people.` : `Did you mean "${guess}"?`,
        }),
      ];
    }),
  );
}

/** Names that the schema knows beside an unknown one. */
function siblings(path: Path): readonly string[] {
  let at: unknown = configSchema;
  for (const step of path) at = child(at, step);
  return Object.keys((unwrap(at) as { shape?: object }).shape ?? {});
}

function child(schema: unknown, step: PropertyKey): unknown {
  const inner = unwrap(schema) as { shape?: Record<PropertyKey, unknown>; valueType?: unknown; element?: unknown };
  return inner.shape?.[step] ?? inner.valueType ?? inner.element ?? {};
}

function unwrap(schema: unknown): unknown {
  let at = schema as { unwrap?: () => unknown };
  while (typeof at.unwrap === 'function') at = at.unwrap() as typeof at;
  return at;
}

function received(value: unknown, path: Path): string {
  let at: unknown = value;
  for (const step of path) at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined;
  if (at === undefined || at === null) return 'nothing';
  if (Array.isArray(at)) return at.length === 0 ? 'an empty list' : 'a list';
  if (typeof at === 'object') return 'a map';
  const text = typeof at === 'number' ? String(at) : JSON.stringify(at);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** Where the value stands in the text, or its key; for what is missing, the nearest thing above it. */
function offsetOf(document: Document.Parsed, path: Path, key: boolean): number {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    const last = index === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) return offset;
      const named = pair.key as Node;
      node = pair.value as Node | null;
      offset = (last && key ? named.range?.[0] : (node?.range?.[0] ?? named.range?.[0])) ?? offset;
    } else if (isSeq(node)) {
      node = (node.items[Number(step)] as Node | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}
