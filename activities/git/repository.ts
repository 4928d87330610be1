import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfigurationEntry, Head } from './inspect.ts';
import { diskSettings, inspectRepository, parseConfiguration } from './inspect.ts';
import { ownConfiguration, ownEnvironment } from './own-configuration.ts';
import type { GitSettings } from './options.ts';
import type { GitOutput } from './run-git.ts';
import { runGit } from './run-git.ts';

export interface RunOptions {
  readonly input?: string;
  readonly limit?: number;
  readonly codes?: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A repository as git sees it here: its objects, refs and index, and nothing else of it. */
export interface Repository {
  readonly workspace: string;
  /** The repository's own git folder. */
  readonly gitDir: string;
  readonly head: Head;
  /** The repository's configuration, read as data; no file that it includes is read. */
  readonly configuration: readonly ConfigurationEntry[];
  /** A folder for temporary files, removed afterwards. */
  readonly temporary: string;
  git(args: readonly string[], options?: RunOptions): Promise<GitOutput>;
}

/**
 * Hands `use` the repository through a git folder of our own, which lives for one operation: its HEAD is a copy, its refs and packed-refs
 * are links, objects and index are named in the environment, and configuration, hooks and attributes are ours. So git writes refs,
 * objects and index where they belong and never opens what could make it run a program.
 */
export async function withRepository<T>(
  settings: GitSettings,
  signal: AbortSignal,
  use: (repository: Repository) => Promise<T>,
): Promise<T> {
  const found = await inspectRepository(settings.workspace);
  await mkdir(settings.scratch, { recursive: true, mode: 0o700 });
  const base = await mkdtemp(join(settings.scratch, 'git-'));
  try {
    const place = { gitDir: join(base, 'git'), empty: join(base, 'empty'), temporary: join(base, 'temporary') };
    for (const folder of [place.gitDir, place.empty, place.temporary, join(place.gitDir, 'info')]) await mkdir(folder);
    const { head, gitDir, workspace } = found;
    await writeFile(join(place.gitDir, 'HEAD'), head.kind === 'branch' ? `ref: ${head.ref}\n` : `${head.commit}\n`);
    for (const name of ['refs', 'packed-refs']) await symlink(join(gitDir, name), join(place.gitDir, name));
    for (const name of ['shallow', 'info/exclude']) await copyIfThere(join(gitDir, name), join(place.gitDir, name));
    const configure = (disk: Parameters<typeof ownConfiguration>[2]) =>
      writeFile(join(place.gitDir, 'config'), ownConfiguration(place, settings, disk));
    await configure({});
    const environment = ownEnvironment(place, settings, found);
    const git = (args: readonly string[], { env, ...rest }: RunOptions = {}) =>
      runGit(args, { ...rest, env: { ...environment, ...env }, cwd: workspace, signal });
    const listing = await git(['config', '--file', join(gitDir, 'config'), '--no-includes', '--null', '--list'], { codes: [0, 1] });
    const configuration = parseConfiguration(listing.stdout);
    await configure(diskSettings(configuration));
    return await use({ ...found, configuration, temporary: place.temporary, git });
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
}

/** The commit that a revision stands for; null = there is none. */
export async function commitOf(repository: Repository, revision: string): Promise<string | null> {
  const { code, stdout } = await repository.git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`], {
    codes: [0, 1, 128],
  });
  return code === 0 ? stdout.trim() : null;
}

export interface RefTarget {
  readonly ref: string;
  /** What the ref holds: an annotated tag's own id, or a commit's. */
  readonly objectId: string;
  /** What is left when tags are peeled off. */
  readonly commit: string;
  readonly annotated: boolean;
}

/** Fields of `for-each-ref`, separated by NUL. */
export const REF_FORMAT = '%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)';

/** One line in `REF_FORMAT`; null = it leads to no commit, or through a tag of a tag. */
export function parseRef(line: string): RefTarget | null {
  const [ref, objectId, type, peeled, peeledType] = line.split('\0');
  if (ref === undefined || objectId === undefined) return null;
  if (type === 'commit') return { ref, objectId, commit: objectId, annotated: false };
  return type === 'tag' && peeledType === 'commit' && peeled !== undefined ? { ref, objectId, commit: peeled, annotated: true } : null;
}

export async function readRef(repository: Repository, ref: string): Promise<RefTarget | null> {
  const { stdout } = await repository.git(['for-each-ref', `--format=${REF_FORMAT}`, '--', ref]);
  // The pattern also matches refs below it.
  return (
    stdout
      .split('\n')
      .map(parseRef)
      .find((target) => target?.ref === ref) ?? null
  );
}
