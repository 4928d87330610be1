import type { Json } from './names.ts';
import { Refusal } from './refusal.ts';

/** Deepest nesting that is accepted, as in `canonical`. */
const MAX_DEPTH = 64;
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** What a string may hold unescaped: all but quote, backslash and the control characters (RFC 8259, section 7). */
// oxlint-disable-next-line no-control-regex -- they are what the rule is about
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * Reads JSON text as `JSON.parse` does, and refuses what has no single meaning: throws `Refusal`
 * `json_invalid` (not JSON, or data after the value), `json_duplicate_key`, `json_forbidden_key`
 * (`__proto__`), `json_number_unsafe` (not finite, or a whole number beyond 2^53 − 1), `json_surrogate`
 * and `json_too_deep`. Each names line, column and offset; a value is never quoted, since it may be secret.
 */
export function parseJson(text: string): Json {
  const reader: Reader = { text, at: 0 };
  const value = readValue(reader, 0);
  skipSpace(reader);
  if (reader.at < text.length) refuse(reader, 'json_invalid', 'there is more text after the end of the value');
  return value;
}

interface Reader {
  readonly text: string;
  at: number;
}

function readValue(reader: Reader, depth: number): Json {
  skipSpace(reader);
  if (depth > MAX_DEPTH) refuse(reader, 'json_too_deep', `the value is nested deeper than ${MAX_DEPTH} levels`);
  switch (reader.text[reader.at]) {
    case '{':
      return readObject(reader, depth);
    case '[':
      return readArray(reader, depth);
    case '"':
      return readString(reader);
    case 't':
      return readWord(reader, 'true', true);
    case 'f':
      return readWord(reader, 'false', false);
    case 'n':
      return readWord(reader, 'null', null);
    default:
      return readNumber(reader);
  }
}

function readObject(reader: Reader, depth: number): Json {
  const members: Record<string, Json> = {};
  reader.at += 1;
  if (take(reader, '}')) return members;
  do {
    skipSpace(reader);
    const start = reader.at;
    if (reader.text[start] !== '"') refuse(reader, 'json_invalid', 'a member name in double quotes was expected');
    const name = readString(reader);
    if (name === '__proto__') refuse({ ...reader, at: start }, 'json_forbidden_key', 'a member is named "__proto__"');
    if (Object.hasOwn(members, name))
      refuse({ ...reader, at: start }, 'json_duplicate_key', `the member ${JSON.stringify(name)} is there twice`);
    if (!take(reader, ':')) refuse(reader, 'json_invalid', 'a colon was expected after the member name');
    members[name] = readValue(reader, depth + 1);
  } while (take(reader, ','));
  if (!take(reader, '}')) refuse(reader, 'json_invalid', 'a comma or a closing brace was expected');
  return members;
}

function readArray(reader: Reader, depth: number): Json {
  const items: Json[] = [];
  reader.at += 1;
  if (take(reader, ']')) return items;
  do items.push(readValue(reader, depth + 1));
  while (take(reader, ','));
  if (!take(reader, ']')) refuse(reader, 'json_invalid', 'a comma or a closing bracket was expected');
  return items;
}

function readString(reader: Reader): string {
  const start = reader.at;
  reader.at += 1;
  let value = '';
  for (;;) {
    value += match(reader, PLAIN) ?? '';
    if (take(reader, '"', 'at once')) break;
    if (!take(reader, '\\', 'at once')) {
      refuse(
        reader,
        'json_invalid',
        reader.at < reader.text.length ? 'a control character in a string was not escaped' : 'the text ends inside a string',
      );
    }
    value += readEscape(reader);
  }
  if (!value.isWellFormed()) refuse({ ...reader, at: start }, 'json_surrogate', 'a string has a lone surrogate');
  return value;
}

function readEscape(reader: Reader): string {
  const letter = reader.text[reader.at] ?? '';
  if (letter === 'u') {
    const digits = reader.text.slice(reader.at + 1, reader.at + 5);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) refuse(reader, 'json_invalid', 'four hexadecimal digits were expected after \\u');
    reader.at += 5;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
  const value = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
  if (value === undefined) refuse(reader, 'json_invalid', 'a backslash is followed by a character that it cannot escape');
  reader.at += 1;
  return value;
}

function readNumber(reader: Reader): number {
  const start = reader.at;
  const digits = match(reader, NUMBER);
  if (digits === null)
    refuse(reader, 'json_invalid', start < reader.text.length ? 'a value was expected' : 'the text ends where a value was expected');
  const value = Number(digits);
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    refuse({ ...reader, at: start }, 'json_number_unsafe', 'a number is beyond what can be kept exactly (2^53 − 1); write it as text');
  }
  return value;
}

function readWord<T extends Json>(reader: Reader, word: string, value: T): T {
  if (!reader.text.startsWith(word, reader.at)) refuse(reader, 'json_invalid', 'a value was expected');
  reader.at += word.length;
  return value;
}

function skipSpace(reader: Reader): void {
  match(reader, SPACE);
}

function take(reader: Reader, character: string, when: 'after space' | 'at once' = 'after space'): boolean {
  if (when === 'after space') skipSpace(reader);
  if (reader.text[reader.at] !== character) return false;
  reader.at += 1;
  return true;
}

function match(reader: Reader, pattern: RegExp): string | null {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (found === null) return null;
  reader.at += found[0].length;
  return found[0];
}

function refuse({ text, at }: Reader, code: string, rule: string): never {
  const before = text.slice(0, at).split('\n');
  const [line, column] = [before.length, (before.at(-1) ?? '').length + 1];
  throw new Refusal('invalid', code, `This is not JSON that can be accepted: at line ${line}, column ${column}, ${rule}.`, {
    hint: 'Correct the text at that place.',
    data: { line, column, offset: at },
  });
}
