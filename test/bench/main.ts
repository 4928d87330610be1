import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { measureDecision } from './decision.ts';
import { machine, renderFigure } from './figure.ts';
import type { Figure } from './figure.ts';
import { openLab } from './lab.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { measureLedger } from './ledger.ts';
import { measurePolicy } from './policy.ts';
import { measureStart } from './start.ts';
import { measureHistory, measureLongRun, measureThroughput } from './throughput.ts';

const MEMORY = '/dev/shm';
const quick = process.argv.includes('--quick');
const say = (line: string): void => console.log(line);
const root = resolve(import.meta.dirname, '../../..');
const figures: Figure[] = [];

async function part(name: string, measure: () => Promise<readonly Figure[]> | readonly Figure[]): Promise<void> {
  say(`\n# ${name}`);
  const measured = await measure();
  figures.push(...measured);
  for (const figure of measured) say(renderFigure(figure));
}

/** The same Postgres on a file system in memory: what is left when the disk costs nothing. */
async function inMemory(millis: number): Promise<readonly Figure[]> {
  const server = await startPostgres(MEMORY);
  try {
    return await measureLedger(await freshDatabase(server.url), millis, 'memory');
  } finally {
    await server.stop();
  }
}

say(
  'Temporal dev server with a database file (WAL, synchronous=NORMAL), history.transferProcessorMaxPollRPS=2000, history.timerProcessorMaxPollRPS=2000.',
);
await part('policies', () => measurePolicy(quick ? 2_000 : 10_000));
const lab = await openLab();
try {
  await part('ledger alone', () => measureLedger(lab.ledgerUrl, quick ? 2_000 : 5_000, 'disk'));
  if (existsSync(MEMORY)) await part('ledger alone, in memory', () => inMemory(quick ? 2_000 : 5_000));
  await part('history', () => measureHistory(lab));
  await part('throughput', () => measureThroughput(lab, quick ? 3 : 7, say));
  await part('decision', () => measureDecision(lab, quick ? 25 : 100));
  await part('long run', () => measureLongRun(lab, quick ? 1 : 5));
} finally {
  await lab.stop();
}
await part('start', () => measureStart(root, quick ? 1 : 5));

say('\nname value unit goal ok|short');
for (const figure of figures) say(renderFigure(figure));
if (quick) {
  say('\n--quick: not written to test/bench/results/latest.json');
} else {
  const { version } = (await import(join(root, 'package.json'), { with: { type: 'json' } })).default as { version: string };
  const versions = { holdpoint: version, temporalSdk: '1.24.0', temporalCli: '1.9.1' };
  const text = JSON.stringify({ measuredAt: new Date().toISOString(), machine: machine(), versions, figures }, null, 2);
  writeFileSync(join(root, 'test/bench/results/latest.json'), `${text}\n`);
}
process.exit(0);
