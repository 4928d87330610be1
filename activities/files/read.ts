import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import type { Root } from './folder.ts';
import { inFolder, isMissing, openFile } from './folder.ts';
import { readBytes, splitPath, textOf } from './read-file.ts';
import { rootedPath } from './rooted-path.ts';

export function readAction(place: Root, maxBytes: number) {
  return defineAction({
    summary: 'Read a text file',
    input: z.strictObject({ path: rootedPath, maxBytes: z.int().min(1).max(maxBytes).optional() }),
    output: z.strictObject({ path: z.string(), text: z.string(), bytes: z.int(), truncated: z.boolean() }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    title: ({ path }) => `Read ${path}`,
    run: async ({ path, maxBytes: limit = maxBytes }) => {
      const { folders, name } = splitPath(path);
      const found = await inFolder(place, folders, {}, async (folder, forbidden) => {
        await forbidden.check(`${folder.path}/${name}`);
        const handle = await openFile(folder, name);
        if (handle === null) return null;
        try {
          await forbidden.check(`${folder.path}/${name}`, handle);
          const { bytes, size } = await readBytes(handle, limit);
          const truncated = size > bytes.length;
          return { path, text: textOf(bytes, path, truncated), bytes: size, truncated };
        } finally {
          await handle.close();
        }
      });
      if (found === null || isMissing(found)) throw new Refusal('not_found', 'file_missing', `There is no file ${path}.`);
      return found;
    },
  });
}
