import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import { message, objectId, stored, tagName } from './git-names.ts';
import { nothingYet } from './nothing-yet.ts';
import type { GitSettings } from './options.ts';
import type { RefTarget, Repository } from './repository.ts';
import { commitOf, readRef, withRepository } from './repository.ts';

export function tagAction(settings: GitSettings) {
  return defineAction({
    summary: 'Make an annotated tag in the local repository',
    input: z.strictObject({ name: tagName, commit: objectId, message }),
    output: z.strictObject({ name: z.string(), ref: z.string(), objectId: z.string(), commit: z.string() }),
    annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: false },
    title: ({ name, commit }) => `Tag ${commit.slice(0, 10)} as ${name}`,
    editable: ['message'],
    run: ({ name, commit, message: text }, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        const ref = `refs/tags/${name}`;
        const before = await nothingYet(async () => {
          const found = await readRef(repository, ref);
          if (found !== null && !(await isSame(repository, found, commit, text))) {
            throw new Refusal('conflict', 'git_tag_exists', `The tag ${name} exists already, with another commit or message.`);
          }
          if ((await commitOf(repository, commit)) !== commit) {
            throw new Refusal('not_found', 'git_revision_unknown', `"${commit}" is no commit of this repository.`);
          }
          return found;
        });
        if (before === null) {
          const args = ['tag', '--annotate', '--no-sign', '--cleanup=verbatim', '--file=-', '--end-of-options', name, commit];
          await repository.git(args, { input: stored(text) });
        }
        const made = before ?? (await readRef(repository, ref));
        if (made === null) throw new Refusal('failed', 'git_failed', `The tag ${name} is not there after it was made.`);
        return { name, ref, objectId: made.objectId, commit: made.commit };
      }),
  });
}

async function isSame(repository: Repository, found: RefTarget, commit: string, text: string): Promise<boolean> {
  if (!found.annotated || found.commit !== commit) return false;
  const { stdout } = await repository.git(['cat-file', 'tag', found.objectId]);
  return stdout.slice(stdout.indexOf('\n\n') + 2) === stored(text);
}
