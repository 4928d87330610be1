/** In characters: shorter pieces of a secret stand in other texts by chance. */
const SHORTEST_PIECE = 8;
/** Shortest line of a secret with several lines, such as a private key, that is taken out by itself. */
const SHORTEST_LINE = 16;

export interface Scrubber {
  text(text: string): string;
  /** A copy of a JSON-like value, its names included; bytes and errors as well. */
  value(value: unknown): unknown;
}

/** Takes secrets out of texts: `[name, value]` pairs. What an action cuts in pieces or encrypts, nobody can find. */
export function scrubber(secrets: readonly (readonly [name: string, value: string])[]): Scrubber {
  // The longest first: one secret may begin with another, whose rest would stay.
  const known = secrets
    .flatMap(([name, value]) => spellings(value).map((spelling) => ({ spelling, mark: `[secret ${name}]` })))
    .toSorted((a, b) => b.spelling.length - a.spelling.length);

  const text = (given: string): string => known.reduce((clean, { spelling, mark }) => clean.replaceAll(spelling, mark), given);

  const bytes = (given: Uint8Array): Uint8Array => {
    const before = Buffer.from(given).toString('latin1');
    const after = known.reduce((clean, { spelling, mark }) => clean.replaceAll(Buffer.from(spelling).toString('latin1'), mark), before);
    return after === before ? given : new Uint8Array(Buffer.from(after, 'latin1'));
  };

  function value(given: unknown): unknown {
    if (typeof given === 'string') return text(given);
    if (typeof given !== 'object' || given === null) return given;
    if (Array.isArray(given)) return given.map(value);
    if (given instanceof Uint8Array) return bytes(given);
    if (given instanceof Error) return cleanError(given);
    if ('toJSON' in given && typeof given.toJSON === 'function') return value(given.toJSON());
    return Object.fromEntries(Object.entries(given).map(([key, item]) => [text(key), value(item)]));
  }

  function cleanError(error: Error): Error {
    const clean = new Error(text(error.message), error.cause === undefined ? {} : { cause: value(error.cause) });
    clean.name = error.name;
    clean.stack = text(error.stack ?? '');
    return clean;
  }

  return { text, value };
}

/** How a value can come back: as it is, line by line, within JSON or a URL, and encoded. */
function spellings(value: string): readonly string[] {
  const lines = value.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE);
  const bytes = Buffer.from(value);
  const inUrl = encodeURIComponent(value.toWellFormed());
  const encoded = [
    JSON.stringify(value).slice(1, -1),
    inUrl,
    inUrl.replaceAll('%20', '+'),
    bytes.toString('hex'),
    ...base64Spellings(bytes),
  ];
  return [...new Set([value, ...lines, ...encoded])].filter((spelling) => spelling.length >= SHORTEST_PIECE);
}

/** Of the three ways in which base64 can cut what stands within other bytes, the characters that are the value's alone. */
function base64Spellings(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const length = before + bytes.length;
    const whole = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const own = whole.slice(Math.ceil((before * 8) / 6), Math.floor((length * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
