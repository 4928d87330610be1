import { rmSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SEED } from '../fire/seed.ts';
import { buildWorker } from '../e2e/processes.ts';
import { renderReport, runChaos } from './chaos.ts';

const SECONDS = 120;
let built: string;

beforeAll(async () => {
  built = await buildWorker('test/chaos/part.ts');
}, 60_000);
afterAll(() => rmSync(built, { recursive: true, force: true }));

it(`${SECONDS} s of chaos break no promise (seed ${SEED})`, async () => {
  const lines: string[] = [];
  const report = await runChaos({ built, seconds: SECONDS, seed: SEED, say: (line) => void lines.push(line) });
  console.log([...(report.violations.length > 0 ? lines : []), renderReport(report)].join('\n'));
  expect(report.violations, `HOLDPOINT_TEST_SEED=${SEED} goes the same way again`).toEqual([]);
  expect(report.effects).toBeGreaterThan(0);
  expect(report.holds).toBeGreaterThan(0);
  expect(Object.values(report.faults).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5);
}, 600_000);
