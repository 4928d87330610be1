import { resolve } from 'node:path';
import { Refusal } from '../../core/index.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/** What Holdpoint reads from the environment; null = not set. Secrets in it are never printed. */
export interface Environment {
  /** Absolute path of the state folder. */
  readonly home: string;
  readonly port: number;
  readonly url: string | null;
  readonly token: string | null;
  readonly databaseUrl: string | null;
  readonly temporalAddress: string | null;
}

const DEFAULT_PORT = 7400;

/** Ports that `fetch` refuses (WHATWG Fetch, "port blocking"): no client could reach a server there. */
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117,
  119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
  989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/** Throws `Refusal` `environment_invalid`, naming the variable and the rule. An empty variable counts as unset. */
export function readEnvironment(env: Variables, cwd: string): Environment {
  const get = (name: string): string | null => env[name]?.trim() || null;
  return {
    home: resolve(cwd, get('HOLDPOINT_HOME') ?? '.holdpoint'),
    port: port(get('HOLDPOINT_PORT')),
    url: url('HOLDPOINT_URL', get('HOLDPOINT_URL'), ['http:', 'https:'], true),
    token: get('HOLDPOINT_TOKEN'),
    databaseUrl: url('DATABASE_URL', get('DATABASE_URL'), ['postgres:', 'postgresql:'], false),
    temporalAddress: address(get('TEMPORAL_ADDRESS')),
  };
}

function port(text: string | null): number {
  if (text === null) return DEFAULT_PORT;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1 && value <= 65_535)) refuse('HOLDPOINT_PORT', 'must be a port from 1 to 65535', JSON.stringify(text));
  if (BLOCKED_PORTS.has(value))
    refuse('HOLDPOINT_PORT', 'must be a port that HTTP clients accept', `${value}, which browsers and fetch block`);
  return value;
}

function url(name: string, text: string | null, schemes: readonly string[], show: boolean): string | null {
  if (text === null) return null;
  const parsed = URL.canParse(text) ? new URL(text) : null;
  if (parsed !== null && schemes.includes(parsed.protocol)) return text;
  // A database URL carries a password, so it is not repeated.
  return refuse(
    name,
    `must be a URL that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
    show ? JSON.stringify(text) : 'another value',
  );
}

function address(text: string | null): string | null {
  if (text === null || /^[^\s/]+:\d{1,5}$/.test(text)) return text;
  return refuse('TEMPORAL_ADDRESS', 'must be HOST:PORT', JSON.stringify(text));
}

function refuse(name: string, rule: string, got: string): never {
  throw new Refusal('invalid', 'environment_invalid', `The environment variable ${name} ${rule}; got ${got}.`, {
    hint: `Correct or unset ${name}.`,
  });
}
