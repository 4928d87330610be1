import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Refusal } from '../core/index.ts';
import type { Shell } from './shell.ts';

export interface ServerChoice {
  readonly server?: string | undefined;
  readonly token?: string | undefined;
}

export interface FoundServer {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | null;
  /** Whether it is the one that `up` wrote into the state folder. */
  readonly local: boolean;
}

const DEFAULT_URL = 'http://127.0.0.1:7400';

export function homeOf({ env, cwd }: Pick<Shell, 'env' | 'cwd'>): string {
  return resolve(cwd, env['HOLDPOINT_HOME'] || '.holdpoint');
}

/**
 * `--server`, else HOLDPOINT_URL, else the server that `up` runs here; the token likewise. The local token
 * goes to the local server alone. Throws `Refusal` `server_url_invalid`.
 */
export function findServer(choice: ServerChoice, shell: Pick<Shell, 'env' | 'cwd'>): FoundServer {
  const home = homeOf(shell);
  const localUrl = readLocalUrl(home) ?? defaultUrl(shell.env['HOLDPOINT_PORT']);
  const named = choice.server ?? (shell.env['HOLDPOINT_URL'] || null);
  const url = checked(named ?? localUrl, choice.server === undefined ? 'HOLDPOINT_URL' : '--server');
  const local = url === checked(localUrl, 'server.json');
  const token = choice.token ?? (shell.env['HOLDPOINT_TOKEN'] || null) ?? (local ? readText(join(home, 'token')) : null);
  return { url, token, local };
}

function defaultUrl(port: string | undefined): string {
  return port !== undefined && /^\d{1,5}$/.test(port) ? `http://127.0.0.1:${port}` : DEFAULT_URL;
}

function readLocalUrl(home: string): string | null {
  const text = readText(join(home, 'server.json'));
  if (text === null) return null;
  try {
    const { url } = JSON.parse(text) as { readonly url?: unknown };
    return typeof url === 'string' ? url : null;
  } catch {
    return null;
  }
}

function checked(text: string, option: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.search === '' && url.hash === '') {
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  }
  throw new Refusal(
    'invalid',
    'server_url_invalid',
    `${option} must be a URL that begins with http:// or https://; got ${JSON.stringify(text)}.`,
    {
      hint: `For example ${DEFAULT_URL}.`,
    },
  );
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null;
  } catch {
    return null;
  }
}
