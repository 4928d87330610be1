import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Refusal, visibleText } from '../../core/index.ts';
import type { Protocol } from './options.ts';

export interface UrlRules {
  readonly protocols: readonly Protocol[];
  /** Relative paths start here, and no remote lies in it. */
  readonly workspace: string;
}

/**
 * One spelling for each remote: `https://host/path`, `ssh://user@host/path`, `file:///path` without links. `user@host:path` becomes
 * `ssh://user@host/path`. Throws `Refusal` `git_remote_refused`.
 */
export async function normaliseRemoteUrl(text: string, rules: UrlRules): Promise<string> {
  if (/[\p{C}\p{Z}\\]/u.test(text) || text === '' || text.startsWith('-') || text.length > 1_000) {
    refuse(text, 'is empty, too long, begins with "-", or has spaces, backslashes or invisible characters');
  }
  if (/^[A-Za-z0-9+.-]*::/.test(text)) refuse(text, 'names a remote helper, which is a program to run');
  const protocol = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (protocol === undefined) {
    const scp = /^([^/:]+):(?!\/\/)(.+)$/.exec(text);
    return scp === null ? file(text, text, rules) : network(`ssh://${scp[1]}/${scp[2]?.replace(/^\/+/, '')}`, text, 'ssh', rules);
  }
  if (protocol === 'file') {
    const path = parse(text);
    if (path.host !== '' || path.search !== '' || path.hash !== '') refuse(text, 'is a file URL with a host, a query or a fragment');
    return file(fileURLToPath(path), text, rules);
  }
  if (protocol !== 'https' && protocol !== 'ssh') refuse(text, `uses the protocol "${protocol}"`);
  return network(text, text, protocol, rules);
}

function network(url: string, text: string, protocol: 'https' | 'ssh', rules: UrlRules): string {
  allow(protocol, text, rules);
  const { username, password, hostname, port, pathname, search, hash } = parse(url);
  if (password !== '' || (protocol === 'https' && username !== '')) refuse(null, 'holds a user name or a password');
  if (search !== '' || hash !== '') refuse(text, 'has a query or a fragment');
  if (username !== '' && !/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(username)) refuse(text, 'has a user name that ssh could misread');
  // WHATWG leaves the case of hosts alone where it does not know the scheme.
  const host = hostname.toLowerCase();
  if (!/^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/.test(host)) refuse(text, 'has no plain host name');
  const path = pathname.replace(/\/+/g, '/').replace(/\/$/, '');
  if (path === '' || /\/-/.test(path) || /%2e|%2f|%00|%5c/i.test(path)) refuse(text, 'has no plain path');
  const shownPort = port === '' || (protocol === 'ssh' && port === '22') ? '' : `:${port}`;
  return `${protocol}://${username === '' ? '' : `${username}@`}${host}${shownPort}${path}`;
}

async function file(path: string, text: string, rules: UrlRules): Promise<string> {
  allow('file', text, rules);
  const real = await realpath(isAbsolute(path) ? path : resolve(rules.workspace, path)).catch(() =>
    refuse(text, 'is a folder that does not exist'),
  );
  const way = relative(rules.workspace, real);
  // Its configuration and hooks would run with the push, and an agent may write in the workspace.
  if (!way.startsWith('../') && way !== '..') refuse(text, 'lies in the workspace');
  return pathToFileURL(real).href;
}

function allow(protocol: Protocol, text: string, rules: UrlRules): void {
  if (!rules.protocols.includes(protocol)) refuse(text, `uses the protocol "${protocol}"; allowed here: ${rules.protocols.join(', ')}`);
}

function parse(text: string): URL {
  try {
    return new URL(text);
  } catch {
    return refuse(text, 'is no URL');
  }
}

/** `text` null = it may hold a password and is not repeated. */
function refuse(text: string | null, rule: string): never {
  const shown = text === null ? '' : ` "${visibleText(text.slice(0, 200)).replace(/\/\/[^/@]*@/, '//…@')}"`;
  throw new Refusal('refused', 'git_remote_refused', `The remote's URL${shown} ${rule}.`);
}
