import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { measureDecision } from './decision.ts';
import { renderFigure } from './figure.ts';
import type { Figure } from './figure.ts';
import { openLab } from './lab.ts';
import type { Lab } from './lab.ts';
import { measureLedger } from './ledger.ts';
import { measurePolicy } from './policy.ts';
import { keepFigures } from './results.ts';
import { measureStart } from './start.ts';
import { measureHistory, measureLongRun, measureShortRun, measureThroughput } from './throughput.ts';

const MEMORY = '/dev/shm';
const quick = process.argv.includes('--quick');
/** `--only history,start`: those parts alone; their figures replace the earlier ones, and the others stay. */
const only = process.argv[process.argv.indexOf('--only') + 1]?.split(',') ?? [];
const say = (line: string): void => console.log(line);
const root = resolve(import.meta.dirname, '../../..');
const figures: Figure[] = [];
let lab: Lab | null = null;

const PARTS: Readonly<Record<string, () => Promise<readonly Figure[]> | readonly Figure[]>> = {
  policy: () => measurePolicy(quick ? 2_000 : 10_000),
  ledger: async () => measureLedger((await opened()).ledgerUrl, quick ? 2_000 : 5_000, 'disk'),
  memory: () => (existsSync(MEMORY) ? inMemory(quick ? 2_000 : 5_000) : []),
  history: async () => measureHistory(await opened()),
  throughput: async () => measureThroughput(await opened(), quick ? 1 : 5, say),
  short: async () => measureShortRun(await opened(), quick ? 20 : 100),
  decision: async () => measureDecision(await opened(), quick ? 25 : 100),
  long: async () => measureLongRun(await opened(), quick ? 1 : 5),
  start: () => measureStart(root, quick ? 1 : 5),
};

say('Temporal dev server with a database file (WAL, synchronous=NORMAL) and both history.*ProcessorMaxPollRPS=2000 (transfer, timer).');
try {
  for (const [name, measure] of Object.entries(PARTS)) {
    if (process.argv.includes('--only') && !only.includes(name)) continue;
    if (name === 'start') await closed();
    say(`\n# ${name}`);
    const measured = await measure();
    figures.push(...measured);
    for (const figure of measured) say(renderFigure(figure));
    // Part by part, so that what was measured is kept when a later part is broken off.
    if (!quick) keepFigures(root, measured);
  }
} finally {
  await closed();
}
say('\nname value unit goal ok|short');
for (const figure of figures) say(renderFigure(figure));
if (quick) say('\n--quick: not written to test/bench/results/latest.json');
process.exit(0);

async function opened(): Promise<Lab> {
  lab ??= await openLab();
  return lab;
}

async function closed(): Promise<void> {
  await lab?.stop();
  lab = null;
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
