import { spawnSync } from 'node:child_process';
import { prepare } from './prepare.mjs';

const STEPS = [
  ['format', 'oxfmt', '--check', '.'],
  ['lint', 'oxlint', '--deny-warnings'],
  ['types', 'tsc', '-p', 'tsconfig.json'],
  ['sandbox types', 'tsc', '-p', 'workflows/tsconfig.json'],
  ['unused code', 'knip', '--no-progress'],
  ['folder table, sandbox bundle', 'vitest', 'run', '--project', 'unit', 'test/folder-table.test.ts', 'test/sandbox-bundle.test.ts'],
];

const root = prepare({ compile: false });
const PATH = `${root}/node_modules/.bin${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}`;
const failed = STEPS.filter(([step, command, ...args]) => {
  const done = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, PATH },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  console.log(`${done.status === 0 ? 'ok    ' : 'FAILED'} ${step}`);
  if (done.status !== 0) console.log(`${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`);
  return done.status !== 0;
});
process.exit(failed.length === 0 ? 0 : 1);
