import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import type { ActionLog } from '../define-action.ts';
import { rootedPath } from '../files/index.ts';
import { PLAIN_DIFF } from './diff.ts';
import { evidence } from './evidence.ts';
import { NO_OBJECT, message, shortName, stored } from './git-names.ts';
import { nothingYet } from './nothing-yet.ts';
import type { GitSettings } from './options.ts';
import type { Repository } from './repository.ts';
import { commitOf, withRepository } from './repository.ts';
import type { Staged } from './stage.ts';
import { stage } from './stage.ts';

const UNFINISHED = ['MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'rebase-merge', 'rebase-apply', 'index.lock'];

const facts = z.strictObject({
  /** The full ref that moves. */
  branch: z.string(),
  /** The commit that the branch is at; absent where it has none yet. */
  parent: z.string().optional(),
  /** The tree that the commit will have: it binds every byte and mode. */
  tree: z.string(),
});
type CommitFacts = z.output<typeof facts>;

export function commitAction(settings: GitSettings) {
  return defineAction({
    summary: 'Commit files to the current branch',
    input: z.strictObject({
      paths: z
        .array(rootedPath)
        .min(1)
        .max(500)
        .describe('Files as they are in the work tree now; a missing one is removed. Others stay out.'),
      message,
    }),
    output: z.strictObject({ commit: z.string(), branch: z.string(), tree: z.string() }),
    annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: false },
    title: ({ paths, message: text }) =>
      `Commit ${paths.length === 1 ? (paths[0] ?? '') : `${paths.length} files`}: ${text.split('\n')[0] ?? ''}`,
    editable: ['message'],
    facts,
    resolve: ({ paths }, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        const { branch, parent } = await branchOf(repository);
        const staged = await stage(repository, parent, paths, false);
        return {
          facts: { branch, ...(parent === null ? {} : { parent }), tree: staged.tree },
          evidence: [await difference(repository, parent, staged)],
        };
      }),
    run: ({ paths, message: text }, { facts: known, signal, log }) =>
      withRepository(settings, signal, async (repository) => {
        const { branch, parent } = await nothingYet(() => branchOf(repository));
        const staged = await nothingYet(() => stage(repository, parent, paths, true));
        const done = parent === null ? null : await committedBefore(repository, parent, staged.tree, text);
        if (done !== null) return { commit: done, branch, tree: staged.tree };
        const commit = await nothingYet(() => makeCommit(repository, known, { branch, parent, tree: staged.tree, text }));
        // Moves the branch only from the parent that was judged; git says so by one rename.
        await repository.git(['update-ref', '--end-of-options', branch, commit, parent ?? NO_OBJECT]);
        await updateIndex(repository, paths, { staged, parent, log });
        return { commit, branch, tree: staged.tree };
      }),
  });
}

async function branchOf(repository: Repository): Promise<{ branch: string; parent: string | null }> {
  const { head, gitDir } = repository;
  if (head.kind === 'detached') {
    throw new Refusal('refused', 'git_head_detached', 'HEAD is on no branch.', { hint: 'Check out the branch to commit to.' });
  }
  for (const name of UNFINISHED) {
    if (!(await exists(join(gitDir, name)))) continue;
    throw new Refusal('refused', 'git_busy', `The repository is in the middle of something: it has ${name}.`, {
      hint: 'Finish or abort it.',
    });
  }
  return { branch: head.ref, parent: await commitOf(repository, head.ref) };
}

/** A commit made by an earlier attempt: nothing differs from it, and it has this very message. Throws `Refusal` where nothing differs otherwise. */
async function committedBefore(repository: Repository, parent: string, tree: string, text: string): Promise<string | null> {
  const { stdout: now } = await repository.git(['rev-parse', '--verify', '--end-of-options', `${parent}^{tree}`]);
  if (now.trim() !== tree) return null;
  const { stdout } = await repository.git(['cat-file', 'commit', parent]);
  if (stdout.slice(stdout.indexOf('\n\n') + 2) === stored(text)) return parent;
  return nothingYet(() => Promise.reject(new Refusal('refused', 'git_nothing_to_commit', 'The files are already as the branch has them.')));
}

async function makeCommit(
  repository: Repository,
  known: CommitFacts,
  { branch, parent, tree, text }: { branch: string; parent: string | null; tree: string; text: string },
): Promise<string> {
  if (branch !== known.branch || (parent ?? undefined) !== known.parent || tree !== known.tree) {
    throw new Refusal('conflict', 'git_changed', `The files or ${shortName(branch)} have changed since the call was judged.`);
  }
  if (parent === null && tree === EMPTY_TREE) throw new Refusal('refused', 'git_nothing_to_commit', 'There is no such file to commit.');
  const { stdout } = await repository.git(['commit-tree', ...(parent === null ? [] : ['-p', parent]), '-F', '-', tree], {
    input: stored(text),
  });
  return stdout.trim();
}

/** The id of the tree without entries, the same in every SHA-1 repository. */
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

interface IndexUpdate {
  readonly staged: Staged;
  readonly parent: string | null;
  readonly log: ActionLog;
}

/** Lets the repository's own index agree with the commit for these paths; what else is staged there stays. */
async function updateIndex(repository: Repository, paths: readonly string[], { staged, parent, log }: IndexUpdate): Promise<void> {
  // Without an index (a clone that was never checked out) a new one would show every other file as removed.
  if (parent !== null && !(await exists(join(repository.gitDir, 'index')))) return;
  const kept = new Set(staged.entries.split('\0').map((entry) => entry.slice(entry.indexOf('\t') + 1)));
  const removed = paths.filter((path) => !kept.has(path)).map((path) => `0 ${NO_OBJECT}\t${path}\0`);
  try {
    await repository.git(['update-index', '--replace', '-z', '--index-info'], { input: staged.entries + removed.join('') });
    await repository.git(['update-index', '-q', '--refresh'], { codes: [0, 1] });
  } catch {
    log.warn('The commit is made, but the index could not be updated; `git reset` does it.');
  }
}

async function difference(repository: Repository, parent: string | null, { env }: Staged) {
  const base = parent ?? EMPTY_TREE;
  const args = ['diff', '--cached', '--stat=100', '--patch', ...PLAIN_DIFF, '--end-of-options', base, '--'];
  const { stdout, truncated } = await repository.git(args, { env, limit: 16_384 });
  return evidence('What the commit changes', stdout, truncated);
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}
