// Runs before `npm start`, on a fresh clone with nothing installed: it may import only Node and its neighbours.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './steps.mjs';
import { install, linkPostgres } from './install.mjs';
import { build } from './build.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Makes a checkout ready to run: what is there already is left as it is. */
export function prepare({ compile = true } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`Node 20.19 or later is needed, and this is ${process.version}. Install a newer one from https://nodejs.org and try again.`);
  }
  if (spawnSync('git', ['--version']).status !== 0) fail('git is needed and was not found on PATH. Install it and try again.');
  install(ROOT);
  linkPostgres(ROOT);
  if (compile) build(ROOT);
  return ROOT;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prepare();
