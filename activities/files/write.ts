import { z } from 'zod';
import { Refusal, visibleLines } from '../../core/index.ts';
import { NothingHappened, defineAction } from '../define-action.ts';
import type { Folder, Forbidden, Root } from './folder.ts';
import { inFolder, isMissing } from './folder.ts';
import { currentFile, sha256, splitPath } from './read-file.ts';
import { replaceFile } from './replace-file.ts';
import { rootedPath } from './rooted-path.ts';

const EVIDENCE_MAX = 2_500;

const facts = z.strictObject({
  path: z.string(),
  /** SHA-256 of what stands there now; absent where nothing does. */
  before: z.string().optional(),
});

export function writeAction(place: Root, maxBytes: number) {
  const look = async (folder: Folder, name: string, forbidden: Forbidden) => {
    await forbidden.check(`${folder.path}/${name}`);
    return currentFile(folder, name, maxBytes);
  };
  return defineAction({
    summary: 'Write a text file whole',
    input: z.strictObject({
      path: rootedPath,
      content: z.string().refine((text) => Buffer.byteLength(text) <= maxBytes, `The content is larger than ${maxBytes} bytes.`),
    }),
    output: z.strictObject({ path: z.string(), sha256: z.string(), bytes: z.int() }),
    annotations: { readOnly: false, destructive: true, idempotent: true, openWorld: false },
    title: ({ path, content }) => `Write ${path} (${Buffer.byteLength(content)} bytes)`,
    editable: ['content'],
    facts,
    resolve: async ({ path }) => {
      const { folders, name } = splitPath(path);
      const found = await inFolder(place, folders, {}, (folder, forbidden) => look(folder, name, forbidden));
      if (found === null || isMissing(found)) return { facts: { path } };
      const text = visibleLines(found.bytes.toString('utf8')).join('\n');
      const shown = text.length > EVIDENCE_MAX ? `${text.slice(0, EVIDENCE_MAX)}\n… and more` : text;
      return {
        facts: { path, before: found.sha256 },
        evidence: [{ title: `There now (${found.bytes.length} bytes)`, text: shown }],
      };
    },
    run: async ({ path, content }, { facts: { before } }) => {
      const { folders, name } = splitPath(path);
      const bytes = Buffer.from(content, 'utf8');
      await inFolder(place, folders, { create: true }, async (folder, forbidden) => {
        const now = await look(folder, name, forbidden);
        if (now?.sha256 === sha256(bytes)) return;
        const unchanged = async () => {
          const found = await currentFile(folder, name, maxBytes);
          if (found?.sha256 !== before) throw changed(path);
        };
        if (now?.sha256 !== before) throw changed(path);
        await replaceFile(folder, { name, bytes, mode: now?.mode ?? 0o644, check: unchanged });
      }).catch((cause: unknown) => {
        if (cause instanceof Refusal) throw new NothingHappened(cause.message, { cause });
        throw cause;
      });
      return { path, sha256: sha256(bytes), bytes: bytes.length };
    },
  });
}

function changed(path: string): Refusal {
  return new Refusal('conflict', 'file_changed', `${path} has changed since the call was judged.`, {
    hint: 'Read it again, and ask again.',
  });
}
