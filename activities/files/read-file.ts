import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Refusal } from '../../core/index.ts';
import type { Folder } from './folder.ts';
import { openFile } from './folder.ts';

/** Splits `docs/guide.md` into its folders and its name. */
export function splitPath(path: string): { readonly folders: readonly string[]; readonly name: string } {
  const components = path.split('/');
  return { folders: components.slice(0, -1), name: components.at(-1) ?? '' };
}

/** The first `limit` bytes at most, and the size of the whole. */
export async function readBytes(handle: FileHandle, limit: number): Promise<{ readonly bytes: Buffer; readonly size: number }> {
  const { size } = await handle.stat();
  const buffer = Buffer.alloc(Math.min(limit, size));
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return { bytes: buffer.subarray(0, length), size };
}

/** Text of UTF-8 bytes, less a character that the limit cut in two; throws `Refusal` `file_not_text`. */
export function textOf(bytes: Buffer, path: string, cut: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch (cause) {
    throw new Refusal('refused', 'file_not_text', `${path} is not UTF-8 text.`, { cause });
  }
}

/** What stands under a name now; null = nothing. Throws `Refusal` for what is not a regular file or is larger than `limit` bytes. */
export async function currentFile(
  folder: Folder,
  name: string,
  limit: number,
): Promise<{ readonly bytes: Buffer; readonly sha256: string; readonly mode: number } | null> {
  const handle = await openFile(folder, name);
  if (handle === null) return null;
  try {
    const { bytes, size } = await readBytes(handle, limit);
    if (size > limit) {
      throw new Refusal('refused', 'file_too_large', `${name} has ${size} bytes now, more than the ${limit} that may be replaced.`);
    }
    return { bytes, sha256: sha256(bytes), mode: (await handle.stat()).mode & 0o777 };
  } finally {
    await handle.close();
  }
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
