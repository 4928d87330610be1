import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import type { Folder } from './folder.ts';
import { codeOf } from './folder.ts';

const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export interface Replacement {
  readonly name: string;
  readonly bytes: Buffer;
  /** Permission bits of the new file. */
  readonly mode: number;
  /** Asked right before the rename, when the new bytes are safe on disk; throwing leaves everything as it was. */
  readonly check: () => Promise<void>;
}

/** Writes beside the file and renames over it: readers see the old bytes or the new, and a crash leaves one of them. */
export async function replaceFile(folder: Folder, { name, bytes, mode, check }: Replacement): Promise<void> {
  const beside = `.holdpoint-${randomBytes(8).toString('hex')}.tmp`;
  const handle = await open(folder.at(beside), NEW, mode);
  try {
    try {
      await handle.writeFile(bytes);
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await check();
    await rename(folder.at(beside), folder.at(name));
  } catch (error) {
    await unlink(folder.at(beside)).catch(() => undefined);
    throw error;
  }
  await folder.handle.sync().catch((error: unknown) => {
    // Not every file system can sync a folder; the rename itself has happened.
    if (!['EINVAL', 'EPERM', 'EISDIR', 'ENOTSUP'].includes(codeOf(error))) throw error;
  });
}
