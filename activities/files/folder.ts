import { constants, existsSync } from 'node:fs';
import { lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { Refusal } from '../../core/index.ts';
import { isGitFolder } from './rooted-path.ts';

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Node has no `openat`. Linux shows an open folder under this path, so that a name is looked up in that very folder, whatever has been
 * renamed or replaced by a link since. Elsewhere names are looked up by path, and `sameFile` notices a swap afterwards.
 */
const DESCRIPTORS = '/proc/self/fd';
const hasDescriptors = existsSync(DESCRIPTORS);

/** A folder that is held open, reached from the root without following any link. */
export interface Folder {
  readonly handle: FileHandle;
  /** Where it is, for messages and comparisons. */
  readonly path: string;
  /** A path for system calls on one entry. */
  at(name: string): string;
}

export interface Root {
  readonly root: string;
  /** Folders that are refused also where the root contains them; they need not exist. */
  readonly forbidden: readonly string[];
}

interface Missing {
  readonly missing: true;
}

/**
 * Opens the folder `components` below the root, hands it to `use`, and closes it. Gives `Missing` where some component does not exist,
 * unless `create` makes it. Throws `Refusal` for links, for what is no folder, and for forbidden folders.
 */
export async function inFolder<T>(
  place: Root,
  components: readonly string[],
  options: { readonly create?: boolean },
  use: (folder: Folder, forbidden: Forbidden) => Promise<T>,
): Promise<T | Missing> {
  const root = await realpath(place.root).catch((cause: unknown) => {
    throw new Refusal('invalid', 'files_root_missing', `The root folder ${place.root} cannot be opened.`, { cause });
  });
  const forbidden = await findForbidden(place.forbidden);
  let folder = asFolder(await open(root, FOLDER), root);
  try {
    await forbidden.check(folder.path, folder.handle);
    for (const name of components) {
      // By name before `enter` may make it, and by identity after.
      await forbidden.check(join(folder.path, name));
      const next = await enter(folder, name, options.create === true);
      if (next === null) return { missing: true };
      await folder.handle.close();
      folder = next;
      await forbidden.check(folder.path, folder.handle);
    }
    return await use(folder, forbidden);
  } finally {
    await folder.handle.close();
  }
}

export function isMissing(value: unknown): value is Missing {
  return typeof value === 'object' && value !== null && 'missing' in value;
}

/** Opens one entry of a folder as a regular file, to read; null = there is none. */
export async function openFile(folder: Folder, name: string): Promise<FileHandle | null> {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(folder.at(name), flags).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return null;
    if (codeOf(cause) === 'ELOOP') throw isLink(folder, name);
    throw new Refusal('refused', 'file_unreadable', `${join(folder.path, name)} cannot be opened (${codeOf(cause)}).`, { cause });
  });
  if (handle === null) return null;
  try {
    if (!(await handle.stat()).isFile()) {
      throw new Refusal('refused', 'file_not_regular', `${join(folder.path, name)} is not a regular file.`);
    }
    await sameFile(folder, name, handle);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function enter(folder: Folder, name: string, create: boolean): Promise<Folder | null> {
  for (;;) {
    try {
      const handle = await open(folder.at(name), FOLDER);
      await sameFile(folder, name, handle);
      return asFolder(handle, join(folder.path, name));
    } catch (cause) {
      if (cause instanceof Refusal) throw cause;
      if (codeOf(cause) === 'ENOENT' && !create) return null;
      if (codeOf(cause) !== 'ENOENT') throw await notAFolder(folder, name, cause);
    }
    await mkdir(folder.at(name)).catch((cause: unknown) => {
      if (codeOf(cause) !== 'EEXIST') throw cause;
    });
  }
}

function asFolder(handle: FileHandle, path: string): Folder {
  return { handle, path, at: (name) => (hasDescriptors ? `${DESCRIPTORS}/${handle.fd}/${name}` : join(path, name)) };
}

async function sameFile(folder: Folder, name: string, handle: FileHandle): Promise<void> {
  if (hasDescriptors) return;
  const [held, found] = [await handle.stat(), await lstat(join(folder.path, name))];
  const real = await realpath(join(folder.path, name));
  if (held.ino !== found.ino || held.dev !== found.dev || real !== join(folder.path, name)) throw isLink(folder, name);
}

async function notAFolder(folder: Folder, name: string, cause: unknown): Promise<Refusal> {
  const found = await lstat(folder.at(name)).catch(() => null);
  if (found?.isSymbolicLink() === true) return isLink(folder, name);
  return new Refusal('refused', 'file_not_folder', `${join(folder.path, name)} is not a folder that can be opened (${codeOf(cause)}).`, {
    cause,
  });
}

function isLink(folder: Folder, name: string): Refusal {
  return new Refusal('refused', 'file_is_link', `${join(folder.path, name)} is a symbolic link, and links are not followed.`, {
    hint: 'Name the file that it points to, if that lies below the root.',
  });
}

export interface Forbidden {
  /** Throws `Refusal` `file_forbidden` where the path, or what is open there, is a forbidden folder or lies in one. */
  check(path: string, handle?: FileHandle): Promise<void>;
  covers(path: string): boolean;
}

async function findForbidden(folders: readonly string[]): Promise<Forbidden> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const path = resolve(folder);
      const real = await realpath(path).catch(() => path);
      const identity = await stat(real).catch(() => null);
      return { paths: [fold(path), fold(real)], identity };
    }),
  );
  const covers = (path: string): boolean => found.some(({ paths }) => paths.some((forbidden) => isWithin(forbidden, fold(path))));
  return {
    covers: (path) => covers(path) || isGitFolder(path.slice(path.lastIndexOf(sep) + 1)),
    async check(path, handle) {
      const held = await handle?.stat();
      // By identity too: a bind mount or a file system that ignores case gives one folder several names.
      const same = held !== undefined && found.some(({ identity }) => identity?.ino === held.ino && identity.dev === held.dev);
      if (covers(path) || same) throw new Refusal('refused', 'file_forbidden', `${path} belongs to Holdpoint or its policies.`);
    },
  };
}

/** Some file systems take names that differ by case or composition for one; comparing folded names refuses rather more. */
function fold(path: string): string {
  return path.normalize('NFKC').toLowerCase();
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`));
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown error';
}
