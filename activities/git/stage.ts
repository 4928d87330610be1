import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { Refusal } from '../../core/index.ts';
import type { Repository } from './repository.ts';

export interface Staged {
  /** The tree of the parent with these paths as the work tree has them. */
  readonly tree: string;
  /** Entries as `git ls-files --stage -z` prints them, of those paths that still exist. */
  readonly entries: string;
  /** Environment in which git sees the staged index. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Puts the paths on top of the parent's tree in an index of its own. With `keep: false` new objects go to a temporary folder, so that
 * the repository is only read. Throws `Refusal`.
 */
export async function stage(repository: Repository, parent: string | null, paths: readonly string[], keep: boolean): Promise<Staged> {
  await refuseFilters(repository, paths);
  const env = { GIT_INDEX_FILE: join(repository.temporary, 'index'), ...(keep ? {} : await temporaryObjects(repository)) };
  await repository.git(parent === null ? ['read-tree', '--empty'] : ['read-tree', parent], { env });
  await repository.git(['update-index', '--add', '--remove', '--replace', '-z', '--stdin'], { env, input: terminated(paths) });
  const { stdout: entries } = await repository.git(['ls-files', '--stage', '-z', '--', ...paths], { env });
  for (const entry of entries.split('\0')) {
    if (entry.startsWith('160000 ')) {
      throw new Refusal(
        'refused',
        'git_unsupported',
        `"${entry.slice(entry.indexOf('\t') + 1)}" is a repository of its own; submodules are not committed.`,
      );
    }
  }
  const { stdout: tree } = await repository.git(['write-tree'], { env });
  return { tree: tree.trim(), entries, env };
}

/** A filter is a program, which does not run here; without it, what is committed would not be what the repository means. */
async function refuseFilters(repository: Repository, paths: readonly string[]): Promise<void> {
  const { stdout } = await repository.git(['check-attr', '-z', '--stdin', 'filter'], { input: terminated(paths) });
  const fields = stdout.split('\0');
  for (let at = 0; at + 3 <= fields.length; at += 3) {
    const [path = '', , value = ''] = fields.slice(at, at + 3);
    if (value === 'unspecified' || value === 'unset') continue;
    throw new Refusal('refused', 'git_filter_unsupported', `"${path}" goes through the filter "${value}", and filters do not run here.`, {
      hint: 'Commit it by hand, or take the filter off in .gitattributes.',
    });
  }
}

async function temporaryObjects({ temporary, gitDir }: Repository): Promise<Readonly<Record<string, string>>> {
  const objects = join(temporary, 'objects');
  await mkdir(objects, { recursive: true });
  return { GIT_OBJECT_DIRECTORY: objects, GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${join(gitDir, 'objects').replace(/["\\]/g, '\\$&')}"` };
}

function terminated(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join('');
}
