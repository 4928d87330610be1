/** Longest text of an error that is kept. */
const LONGEST = 2_000;

/** What was thrown, whatever it is, as text that can be stored, hashed and shown. `clean` sees it whole. Never throws. */
export function errorText(thrown: unknown, clean: (text: string) => string = (text) => text): string {
  return plainText(clean(messageOf(thrown)), LONGEST);
}

/** Text of somebody else's making: not longer than stated, without NUL, which Postgres does not take, and without half characters, which no ledger can hash. */
export function plainText(text: unknown, longest: number): string {
  return String(text).slice(0, longest).toWellFormed().replaceAll('\0', '\uFFFD');
}

function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return 'something was thrown that has no text';
  }
}
