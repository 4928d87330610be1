import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { POINTS } from './points.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/under-fire.md'), 'utf8');

it('the page on faults names every point as it is, and no test that is not there', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| ([^|]+) \|$/gm)].map(([, point = '', where = '']) => [point, where]);
  expect(Object.fromEntries(rows)).toEqual(POINTS);
  const tests = [...page.matchAll(/`([\w/-]+\.test\.ts)`/g)].map(([, file = '']) => file);
  expect(tests.length).toBeGreaterThan(20);
  expect(tests.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
