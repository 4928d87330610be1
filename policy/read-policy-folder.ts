import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../core/index.ts';
import type { PolicySource } from './policy-source.ts';

/**
 * The `*.cedar` files of one folder by name, without its subfolders; names that begin with a dot are editors' own.
 * Throws `Refusal` `policy_folder` (no such folder, or a file in it cannot be read) or `policy_encoding` (not UTF-8).
 */
export function readPolicyFolder(folder: string): Promise<readonly PolicySource[]> {
  return readFiles(folder, '.cedar');
}

/** The same, for an installation in observe, which may have no policies yet: nothing where there is no such folder. */
export async function readObservedFolder(folder: string): Promise<readonly PolicySource[]> {
  return existsSync(folder) ? await readPolicyFolder(folder) : [];
}

/** The `*.test.yaml` files of one folder by name, for `testPolicies`. Throws as `readPolicyFolder` does. */
export function readPolicyTests(folder: string): Promise<readonly PolicySource[]> {
  return readFiles(folder, '.test.yaml');
}

async function readFiles(folder: string, ending: string): Promise<readonly PolicySource[]> {
  const names = await readdir(folder).catch((cause: unknown) => unreadable('folder', folder, cause));
  const wanted = names.filter((name) => name.endsWith(ending) && !name.startsWith('.')).toSorted();
  return Promise.all(wanted.map(async (file) => ({ file, text: await readText(join(folder, file)) })));
}

async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((cause: unknown) => unreadable('file', path, cause));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid', 'policy_encoding', `The policy file ${path} is not UTF-8 text.`, { hint: 'Save it as UTF-8.', cause });
  }
}

function unreadable(what: 'folder' | 'file', path: string, cause: unknown): never {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  throw new Refusal(code === 'ENOENT' ? 'not_found' : 'invalid', 'policy_folder', `The policy ${what} ${path} cannot be read (${code}).`, {
    hint: `Check that the ${what} exists and that this process may read it.`,
    data: { path },
    cause,
  });
}
