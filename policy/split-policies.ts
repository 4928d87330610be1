/** One policy's own text, from its first annotation to its semicolon, and the line it begins on (from 1). */
export interface PolicyText {
  readonly text: string;
  readonly line: number;
}

/** A line comment, a quoted string, or a semicolon: outside the first two, Cedar ends policies, and nothing else, by semicolon. */
const TOKENS = /\/\/[^\n\r]*|"(?:\\[\s\S]|[^"\\])*"|;|\S/g;

/**
 * Cuts a file that Cedar has parsed into its policies, in their order. Cedar's own `policySetTextToParts` gives them
 * sorted by an invented id and without their place.
 */
export function splitPolicies(file: string): readonly PolicyText[] {
  const policies: PolicyText[] = [];
  let start: number | null = null;
  for (const match of file.matchAll(TOKENS)) {
    const [token] = match;
    if (token.startsWith('//')) continue;
    start ??= match.index;
    if (token !== ';') continue;
    policies.push({ text: file.slice(start, match.index + 1), line: lineAt(file, start) });
    start = null;
  }
  return policies;
}

/** The line, from 1, of a position in a text. */
function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** As `lineAt`, for the byte offsets (in UTF-8) that Cedar reports. */
export function lineAtByte(text: string, offset: number): number {
  return lineAt(Buffer.from(text, 'utf8').subarray(0, offset).toString('utf8'), Infinity);
}
