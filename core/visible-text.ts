/**
 * What hides or moves text in a terminal, a card or a log: control characters, line and paragraph
 * separators, bidirectional controls, zero-width and other ignorable characters, spaces other than
 * U+0020, the blank braille pattern and lone surrogates. The backslash of a literal `\u{` is escaped
 * too, so that no two texts look the same.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}]|(?! )\p{Zs}|\\(?=u\{)/gu;

/** Untrusted text on one line: whatever would be invisible, or move what is beside it, as `\u{…}` in lower-case hex. */
export function visibleText(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Untrusted text of several lines: split at line feeds, each line as `visibleText` shows it. */
export function visibleLines(text: string): readonly string[] {
  return text.split('\n').map(visibleText);
}
