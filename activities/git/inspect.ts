import { lstat, readFile, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../../core/index.ts';
import { isFullRef, isObjectId } from './git-names.ts';
import type { DiskSettings } from './own-configuration.ts';

/** Where HEAD is: on a branch (that may have no commit yet) or detached at a commit. */
export type Head = { readonly kind: 'branch'; readonly ref: string } | { readonly kind: 'detached'; readonly commit: string };

export interface RepositoryPlace {
  /** Without links. */
  readonly workspace: string;
  readonly gitDir: string;
  readonly head: Head;
}

/** Checks the shape of a repository by looking at its files, before any git runs on it. Throws `Refusal` `git_unsupported`. */
export async function inspectRepository(path: string): Promise<RepositoryPlace> {
  const workspace = await realpath(path).catch(() => unsupported(`${path} is not a folder that exists`));
  const gitDir = join(workspace, '.git');
  const kind = await kindOf(gitDir);
  if (kind === 'file') unsupported(`${gitDir} is a file: linked work trees and submodules are not supported`, 'Use the main work tree.');
  if (kind !== 'folder') unsupported(`${workspace} has no .git folder`, 'Run `git init`, or name the top folder of a clone.');
  for (const name of ['objects', 'refs']) {
    if ((await kindOf(join(gitDir, name))) !== 'folder') unsupported(`${join(gitDir, name)} is not a folder`);
  }
  for (const name of ['config', 'index', 'packed-refs', 'shallow', 'info/exclude']) {
    if (!['file', 'missing'].includes(await kindOf(join(gitDir, name)))) unsupported(`${join(gitDir, name)} is not a regular file`);
  }
  if ((await kindOf(join(gitDir, 'commondir'))) !== 'missing') unsupported(`${gitDir} is a linked work tree's`);
  if ((await kindOf(join(gitDir, 'reftable'))) !== 'missing') unsupported(`${gitDir} keeps its refs in a reftable`);
  for (const name of ['alternates', 'http-alternates']) {
    if ((await kindOf(join(gitDir, 'objects/info', name))) !== 'missing') {
      unsupported(`${gitDir} borrows objects from elsewhere (objects/info/${name})`, 'Run `git repack -a -d` and remove that file.');
    }
  }
  if ((await readdir(gitDir)).some((name) => name.startsWith('sharedindex.'))) {
    unsupported(`${gitDir} has a split index`, 'Run `git update-index --no-split-index`.');
  }
  return { workspace, gitDir, head: await readHead(gitDir) };
}

async function readHead(gitDir: string): Promise<Head> {
  const path = join(gitDir, 'HEAD');
  if ((await kindOf(path)) !== 'file') unsupported(`${path} is not a regular file`);
  const text = (await readFile(path, 'utf8')).trimEnd();
  if (isObjectId(text)) return { kind: 'detached', commit: text };
  const ref = /^ref: (refs\/heads\/.+)$/.exec(text)?.[1];
  if (ref === undefined || !isFullRef(ref)) return unsupported(`${path} names neither a plain branch nor a commit`);
  return { kind: 'branch', ref };
}

/** One `key`, `value` of a configuration; a value of null stands for `key` alone, which means true. */
export type ConfigurationEntry = readonly [key: string, value: string | null];

/** What `git config --null --list` printed. */
export function parseConfiguration(listing: string): readonly ConfigurationEntry[] {
  return listing
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const end = entry.indexOf('\n');
      return end < 0 ? [entry, null] : [entry.slice(0, end), entry.slice(end + 1)];
    });
}

const HARMLESS_EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  'extensions.noop': [],
  'extensions.preciousobjects': [],
  'extensions.objectformat': ['sha1'],
  'extensions.refstorage': ['files'],
};

/** The settings that are carried over. Throws `Refusal` `git_unsupported` for a repository of another format. */
export function diskSettings(entries: readonly ConfigurationEntry[]): DiskSettings {
  const last = new Map(entries);
  const version = last.get('core.repositoryformatversion') ?? '0';
  if (!['0', '1'].includes(version)) unsupported(`The repository has format version ${version}`);
  for (const [key, value] of entries) {
    if (!key.startsWith('extensions.')) continue;
    const values = HARMLESS_EXTENSIONS[key];
    if (values === undefined || (values.length > 0 && !values.includes(value?.toLowerCase() ?? ''))) {
      unsupported(`The repository has the extension ${key.slice('extensions.'.length)} = ${value ?? 'true'}`);
    }
  }
  if (last.has('core.worktree')) unsupported('The repository names another work tree (core.worktree)');
  if (flag(last.get('core.bare')) === true) unsupported('The repository is bare (core.bare)');
  if (flag(last.get('core.sparsecheckout')) === true) unsupported('The work tree is sparse (core.sparseCheckout)');
  const flags = ['filemode', 'symlinks', 'ignorecase', 'precomposeunicode'].flatMap((name) => {
    const value = flag(last.get(`core.${name}`));
    return value === undefined ? [] : [[name, value] as const];
  });
  const [autocrlf, eol] = [last.get('core.autocrlf')?.toLowerCase(), last.get('core.eol')?.toLowerCase()];
  return {
    ...Object.fromEntries(flags),
    ...(autocrlf === 'true' || autocrlf === 'false' || autocrlf === 'input' ? { autocrlf } : {}),
    ...(eol === 'lf' || eol === 'crlf' || eol === 'native' ? { eol } : {}),
  };
}

function flag(value: string | null | undefined): boolean | undefined {
  if (value === null) return true;
  if (value === undefined) return undefined;
  if (/^(?:true|yes|on|1)$/i.test(value)) return true;
  return /^(?:false|no|off|0|)$/i.test(value) ? false : undefined;
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'missing' | 'other'> {
  const found = await lstat(path).catch(() => null);
  if (found === null) return 'missing';
  return found.isFile() ? 'file' : found.isDirectory() ? 'folder' : 'other';
}

function unsupported(what: string, hint?: string): never {
  throw new Refusal('refused', 'git_unsupported', `${what}.`, hint === undefined ? {} : { hint });
}
