import { z } from 'zod';
import { defineAction } from '../define-action.ts';
import { shortName } from './git-names.ts';
import type { GitSettings } from './options.ts';
import { REF_FORMAT, commitOf, parseRef, withRepository } from './repository.ts';

export function latestTagAction(settings: GitSettings) {
  return defineAction({
    summary: 'Find the highest version among the tags that HEAD contains',
    input: z.strictObject({ prefix: z.string().max(50).optional().describe('Only tags whose name begins with it: "v".') }),
    output: z.strictObject({
      tag: z.strictObject({ name: z.string(), ref: z.string(), objectId: z.string(), commit: z.string() }).nullable(),
    }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    title: ({ prefix }) => (prefix === undefined ? 'Latest tag' : `Latest tag that begins with ${prefix}`),
    run: ({ prefix = '' }, { signal }) =>
      withRepository(settings, signal, async (repository) => {
        const head = await commitOf(repository, 'HEAD');
        if (head === null) return { tag: null };
        const order = '--sort=-version:refname';
        const { stdout } = await repository.git(['for-each-ref', `--merged=${head}`, order, `--format=${REF_FORMAT}`, '--', 'refs/tags/']);
        for (const line of stdout.split('\n')) {
          const target = parseRef(line);
          if (target === null || !shortName(target.ref).startsWith(prefix)) continue;
          return { tag: { name: shortName(target.ref), ref: target.ref, objectId: target.objectId, commit: target.commit } };
        }
        return { tag: null };
      }),
  });
}
