import { lstat, readdir } from 'node:fs/promises';
import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import type { Root } from './folder.ts';
import { inFolder, isMissing } from './folder.ts';
import { pathFault, rootedPath } from './rooted-path.ts';

const MAX_ENTRIES = 1_000;

export function listAction(place: Root) {
  return defineAction({
    summary: 'List a folder',
    input: z.strictObject({ path: rootedPath.optional().describe('A folder below the root; absent = the root itself.') }),
    output: z.strictObject({
      entries: z.array(z.strictObject({ name: z.string(), kind: z.enum(['file', 'folder', 'link', 'other']), bytes: z.int() })),
      truncated: z.boolean(),
    }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    title: ({ path }) => `List ${path ?? 'the root folder'}`,
    run: async ({ path }) => {
      const found = await inFolder(place, path === undefined ? [] : path.split('/'), {}, async (folder, forbidden) => {
        // Names that no action would accept are left out: an agent could do nothing with them, and some would deceive a reader.
        const names = (await readdir(folder.at('.')))
          .filter((name) => pathFault(name) === null && !forbidden.covers(`${folder.path}/${name}`))
          .toSorted();
        const entries = [];
        for (const name of names.slice(0, MAX_ENTRIES)) {
          const entry = await lstat(folder.at(name)).catch(() => null);
          if (entry === null) continue;
          const kind = entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'other';
          entries.push({ name, kind, bytes: kind === 'file' ? entry.size : 0 } as const);
        }
        return { entries, truncated: names.length > MAX_ENTRIES };
      });
      if (isMissing(found)) throw new Refusal('not_found', 'file_missing', `There is no folder ${path ?? '.'}.`);
      return found;
    },
  });
}
