import { z } from 'zod';
import { defineAction } from '../define-action.ts';
import { shortName } from './git-names.ts';
import type { GitSettings } from './options.ts';
import { commitOf, withRepository } from './repository.ts';

const MAX_ENTRIES = 1_000;

export function statusAction(settings: GitSettings) {
  return defineAction({
    summary: 'Show the branch and what has changed in the work tree',
    input: z.strictObject({}),
    output: z.strictObject({
      branch: z.string().nullable().describe('null = HEAD is detached.'),
      commit: z.string().nullable().describe('null = no commit yet.'),
      clean: z.boolean(),
      entries: z.array(
        z.strictObject({
          path: z.string(),
          index: z.string().describe('One letter as in `git status --short`: M, A, D, T, U, ?, or a space.'),
          worktree: z.string(),
        }),
      ),
      truncated: z.boolean(),
    }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    title: () => 'Status of the work tree',
    run: (_input, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        // Submodules are left out: git would read each one's own configuration.
        const { stdout, truncated } = await repository.git([
          'status',
          '--porcelain=v1',
          '-z',
          '--untracked-files=normal',
          '--ignore-submodules=all',
          '--no-renames',
          '--no-ahead-behind',
        ]);
        const lines = stdout.split('\0').filter((line) => line !== '');
        if (truncated) lines.pop();
        const entries = lines
          .slice(0, MAX_ENTRIES)
          .map((line) => ({ path: line.slice(3), index: line.slice(0, 1), worktree: line.slice(1, 2) }));
        const { head } = repository;
        return {
          branch: head.kind === 'branch' ? shortName(head.ref) : null,
          commit: await commitOf(repository, 'HEAD'),
          clean: lines.length === 0,
          entries,
          truncated: truncated || lines.length > MAX_ENTRIES,
        };
      }),
  });
}
