import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

/** The tarball as `npm publish` would send it, and a folder for projects that install it. */
export interface Packed {
  readonly tarball: string;
  readonly files: readonly PackedFile[];
  /** Bytes of the tarball. */
  readonly size: number;
  /** Makes a project beside the tarball and installs these packages into it. */
  install(name: string, packages: readonly string[]): Promise<string>;
  remove(): void;
}

/** Packs `dist/` as it was built. */
export async function pack(): Promise<Packed> {
  const folder = mkdtempSync(join(tmpdir(), 'holdpoint-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder], {
    cwd: ROOT,
  });
  const [{ files, size }] = JSON.parse(stdout) as [{ readonly files: readonly PackedFile[]; readonly size: number }];
  const [name = ''] = readdirSync(folder);
  return {
    tarball: join(folder, name),
    files,
    size,
    async install(project, packages) {
      const cwd = join(folder, project);
      mkdirSync(cwd);
      writeFileSync(join(cwd, 'package.json'), `${JSON.stringify({ name: project, private: true, type: 'module' })}\n`);
      // Of the engines this one is asked for; nothing of ours may need a script.
      await run('npm', ['install', ...FLAGS, ...packages], { cwd, maxBuffer: 16_000_000 });
      return cwd;
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
