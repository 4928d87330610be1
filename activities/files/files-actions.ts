import { isAbsolute } from 'node:path';
import { Refusal } from '../../core/index.ts';
import { listAction } from './list.ts';
import { readAction } from './read.ts';
import { writeAction } from './write.ts';

export interface FilesOptions {
  /** The folder below which everything happens; absolute. */
  readonly root: string;
  /** Absolute paths of folders that are refused although the root may contain them: Holdpoint's home, the policies. */
  readonly forbidden: readonly string[];
  /** The most bytes that one action reads or writes. Default 1 MiB. */
  readonly maxBytes?: number;
}

/** Actions on text files below one folder: `files.read`, `files.list`, `files.write`. Throws `Refusal` `files_option_invalid`. */
export function filesActions({ root, forbidden, maxBytes = 1_048_576 }: FilesOptions) {
  for (const path of [root, ...forbidden]) {
    if (!isAbsolute(path)) {
      throw new Refusal('invalid', 'files_option_invalid', `"root" and "forbidden" are absolute paths; got ${JSON.stringify(path)}.`);
    }
  }
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new Refusal('invalid', 'files_option_invalid', `"maxBytes" is a whole number of bytes above 0; got ${String(maxBytes)}.`);
  }
  const place = { root, forbidden };
  return { read: readAction(place, maxBytes), list: listAction(place), write: writeAction(place, maxBytes) };
}
