import { z } from 'zod';
import { defineAction } from '../define-action.ts';
import { rootedPath } from '../files/index.ts';
import { revision } from './git-names.ts';
import { knownCommit } from './log.ts';
import type { GitSettings } from './options.ts';
import { withRepository } from './repository.ts';

/** No program of the repository's choice takes part in a difference, and no submodule's configuration is read. */
export const PLAIN_DIFF = [
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--ignore-submodules=all',
  '--src-prefix=a/',
  '--dst-prefix=b/',
] as const;

export function diffAction(settings: GitSettings) {
  return defineAction({
    summary: 'Show the difference between two commits, or between a commit and the work tree',
    input: z.strictObject({
      from: revision.optional().describe('Default: HEAD.'),
      to: revision.optional().describe('Absent = the work tree.'),
      paths: z.array(rootedPath).min(1).max(100).optional(),
      maxBytes: z.int().min(1).max(262_144).optional().describe('Default: 65,536.'),
    }),
    output: z.strictObject({ text: z.string(), truncated: z.boolean() }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    title: ({ from = 'HEAD', to = 'the work tree' }) => `Difference between ${from} and ${to}`,
    run: ({ from = 'HEAD', to, paths = [], maxBytes = 65_536 }, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        const commits = [await knownCommit(repository, from), ...(to === undefined ? [] : [await knownCommit(repository, to)])];
        const args = ['diff', '--patch', ...PLAIN_DIFF, '--end-of-options', ...commits, '--', ...paths];
        const { stdout, truncated } = await repository.git(args, { limit: maxBytes });
        return { text: stdout, truncated };
      }),
  });
}
