import { isAbsolute } from 'node:path';
import { Refusal } from '../../core/index.ts';

export const PROTOCOLS = ['file', 'https', 'ssh'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Where git and ssh are found, unless `path` says otherwise. */
const PATH = '/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin';

export interface Remote {
  readonly url: string;
  /** Gives the value of the Authorization header for this remote, over https only: `Basic …`. It reaches no argument, error or result. */
  readonly authorization?: () => string;
}

export interface GitOptions {
  /** The work tree, with a `.git` folder in it; absolute. */
  readonly workspace: string;
  /** A folder of our own for temporary git folders, made where missing; absolute. */
  readonly scratch: string;
  /** Who commits and tags. */
  readonly author: { readonly name: string; readonly email: string };
  /** Remotes by name. A name that is not here is looked up in the repository's own configuration, as data. */
  readonly remotes?: Readonly<Record<string, string | Remote>>;
  /** Default: file and https, and ssh where `ssh` is given. */
  readonly protocols?: readonly Protocol[];
  /** Files that ssh uses; it reads no configuration and asks nobody. */
  readonly ssh?: { readonly identityFile: string; readonly knownHostsFile: string };
  /** Certificates that https trusts, in place of the system's. */
  readonly caFile?: string;
  /** Folders in which git and ssh are looked for, separated by colons. Those that are relative or in the workspace are left out. */
  readonly path?: string;
}

export interface GitSettings extends GitOptions {
  readonly remotes: Readonly<Record<string, string | Remote>>;
  readonly protocols: readonly Protocol[];
  readonly path: string;
}

/** Checks and completes the options. Throws `Refusal` `git_option_invalid`. */
export function completeOptions(options: GitOptions): GitSettings {
  const { workspace, scratch, author, ssh } = options;
  const paths = { workspace, scratch, identityFile: ssh?.identityFile, knownHostsFile: ssh?.knownHostsFile, caFile: options.caFile };
  for (const [name, path] of Object.entries(paths)) {
    if (path !== undefined && (!isAbsolute(path) || /[\n\0]/.test(path)))
      refuse(`"${name}" is an absolute path; got ${JSON.stringify(path)}.`);
  }
  for (const [name, value] of Object.entries(author)) {
    if (!/^[^\p{C}<>]+$/u.test(value)) refuse(`"author.${name}" is one line without "<" and ">"; got ${JSON.stringify(value)}.`);
  }
  const protocols = options.protocols ?? (ssh === undefined ? ['file', 'https'] : PROTOCOLS);
  for (const protocol of protocols) {
    if (!PROTOCOLS.includes(protocol)) refuse(`"protocols" are of ${PROTOCOLS.join(', ')}; got ${JSON.stringify(protocol)}.`);
  }
  if (protocols.includes('ssh') && ssh === undefined) refuse('"protocols" with "ssh" needs "ssh": its identity and known hosts.');
  const path = (options.path ?? PATH)
    .split(':')
    .filter((folder) => isAbsolute(folder) && folder !== workspace && !folder.startsWith(`${workspace}/`))
    .join(':');
  // An empty search path means the current folder to the C library: the workspace.
  if (path === '') refuse('"path" has no absolute folder outside the workspace.');
  return { ...options, remotes: options.remotes ?? {}, protocols, path };
}

function refuse(message: string): never {
  throw new Refusal('invalid', 'git_option_invalid', message);
}
