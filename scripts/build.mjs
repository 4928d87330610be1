import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail, must, say } from './steps.mjs';

/** What a built folder needs beside its JavaScript; read at run time by the path of the module that uses it. */
const ASSETS = ['.sql', '.cedar', '.yaml', '.html', '.css'];
const OUTPUTS = ['.js', '.js.map', '.d.ts'];

/** Compiles into dist/ where the sources differ from what dist/ was built from. */
export function build(root, { always = false } = {}) {
  const sources = sourcesOf(root, 'tsconfig.build.json');
  const stamp = hash(root, [...sources, 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json']);
  const stampFile = join(root, 'dist/.stamp');
  if (!always && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  say('building into dist/');
  rmSync(stampFile, { force: true });
  compile(root, 'tsconfig.build.json', 'dist');
  const kept = new Set(sources.flatMap(outputsOf));
  // Not emptied beforehand: another process may be running from dist/.
  for (const file of filesOf(join(root, 'dist'), '.')) if (!kept.has(file)) rmSync(join(root, 'dist', file));
  makeCommand(root);
  writeFileSync(stampFile, stamp);
}

/** Compiles a project, and copies beside its JavaScript what that reads at run time. */
export function compile(root, project, out) {
  must('build', process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { cwd: root });
  for (const asset of sourcesOf(root, project).filter((file) => ASSETS.includes(extname(file)))) {
    mkdirSync(join(root, out, dirname(asset)), { recursive: true });
    copyFileSync(join(root, asset), join(root, out, asset));
  }
}

/** `npx holdpoint` in a checkout finds the command here, and so needs neither a registry nor npm's cache. */
function makeCommand(root) {
  const main = join(root, 'dist/cli/main.js');
  if (!existsSync(main)) fail('build failed: dist/cli/main.js is missing, although tsc reported no error');
  chmodSync(main, 0o755);
  const link = join(root, 'node_modules/.bin/holdpoint');
  if (process.platform !== 'win32' && !existsSync(link)) {
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(link), main), link);
  }
}

function sourcesOf(root, project) {
  const { include, exclude } = JSON.parse(readFileSync(join(root, project), 'utf8'));
  const left = (file) => exclude.some((folder) => file.startsWith(`${folder}/`));
  return include.flatMap((folder) => filesOf(root, folder)).filter((file) => !left(file));
}

function filesOf(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !/\.(test|fixture)\./.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

function outputsOf(source) {
  if (extname(source) === '.ts') return OUTPUTS.map((ending) => source.replace(/\.ts$/, ending));
  return ASSETS.includes(extname(source)) ? [source] : [];
}

function hash(root, files) {
  const sum = createHash('sha256');
  for (const file of files)
    sum
      .update(file)
      .update('\0')
      .update(readFileSync(join(root, file)))
      .update('\0');
  return sum.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build(join(dirname(fileURLToPath(import.meta.url)), '..'), { always: true });
