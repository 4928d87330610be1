import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { ROOT, blocks, makeSnippetFolder, writeSnippets } from './documents.ts';

// What docs/testing.md shows is run here as a reader would run it; it calls createTestEnvironment.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const snippets = blocks('ts').filter(({ document }) => document === 'docs/testing.md');
const folder = makeSnippetFolder();
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const tests = writeSnippets(folder, snippets).filter((file) => file.endsWith('.test.ts'));

for (const file of tests) await import(pathToFileURL(file).href);

test('every snippet of docs/testing.md is a file, and the tests among them have run', () => {
  expect(tests.length).toBe(2);
  expect(snippets.filter(({ file }) => file === null)).toEqual([]);
});

test('holdpoint/testing loads in plain Node.js, whose rules for imports are stricter', () => {
  const program = `const { createTestEnvironment } = await import('holdpoint/testing'); console.log(typeof createTestEnvironment);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, encoding: 'utf8' });
  expect(stdout, stderr).toBe('function\n');
});
