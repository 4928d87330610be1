import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from '../bench/figure.ts';
import { buildWorker } from '../e2e/processes.ts';
import { renderReport, runChaos } from './chaos.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '3' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed))
  throw new RangeError(`--minutes is a number above 0, and --seed a whole number; got ${values.minutes} and ${values.seed}.`);

const root = process.cwd();
const broken = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => broken.abort(new Error(`Broken off by ${signal}.`)));
console.log(`seed ${seed}, ${minutes} min`);
const built = await buildWorker('test/chaos/part.ts', root);
try {
  const say = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
  const report = await runChaos({ built, seconds: minutes * 60, seed, say, signal: broken.signal });
  console.log(renderReport(report));
  const folder = join(root, 'test/bench/results');
  mkdirSync(folder, { recursive: true });
  const results = { machine: machine(), measuredAt: new Date().toISOString(), minutes, ...report };
  writeFileSync(join(folder, 'chaos.json'), `${JSON.stringify(results, null, 2)}\n`);
  if (report.violations.length > 0) console.error(`To go the same way again: npm run chaos -- --minutes ${minutes} --seed ${seed}`);
  process.exitCode = report.violations.length > 0 ? 1 : 0;
} finally {
  rmSync(built, { recursive: true, force: true });
}
process.exit();
