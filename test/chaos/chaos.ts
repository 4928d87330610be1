import { draws } from '../fire/seed.ts';
import { strikeUntil } from './faults.ts';
import { Load } from './load.ts';
import { judge } from './oracle.ts';
import type { Evidence, Violation } from './oracle.ts';
import { readLedger } from './read-ledger.ts';
import { ChaosWorld } from './world.ts';

export interface ChaosOptions {
  /** The folder that `buildWorker` made of `test/chaos/part.ts`. */
  readonly built: string;
  readonly seconds: number;
  /** Chooses faults, work and words; when each of them meets the others is up to the machine. */
  readonly seed: number;
  readonly say: (line: string) => void;
  /** Ends it early, by throwing. */
  readonly signal?: AbortSignal;
}

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  readonly runs: number;
  readonly calls: number;
  readonly effects: number;
  readonly holds: number;
  /** Decisions and kills that were acknowledged, by what was chosen. */
  readonly acknowledged: Readonly<Record<string, number>>;
  /** Effects that would be late if the time in which their worker was frozen counted. */
  readonly lateByFreezes: number;
  /** How often each fault struck, by its name. */
  readonly faults: Readonly<Record<string, number>>;
  /** Processes that ended although nobody had killed them. */
  readonly unaskedEnds: number;
  readonly effectsPerSecond: number;
  readonly violations: readonly Violation[];
}

/** Work under faults until the time is over; then everything is let come up and end, and judged. */
export async function runChaos({ built, seconds, seed, say, signal }: ChaosOptions): Promise<ChaosReport> {
  const world = new ChaosWorld(built);
  try {
    await world.open();
    const load = new Load(world, draws(seed, 'load'));
    const endsAt = performance.now() + seconds * 1_000;
    const isOver = (): boolean => performance.now() > endsAt || signal?.aborted === true;
    const [struck, worked] = await Promise.allSettled([
      strikeUntil(isOver, world, { draw: draws(seed, 'faults'), say }),
      load.workUntil(isOver),
    ]);
    signal?.throwIfAborted();
    if (struck.status === 'rejected') throw struck.reason;
    if (worked.status === 'rejected') throw worked.reason;
    const during = world.effects().length;
    say('no more faults; everything comes up, and ends');
    await world.up();
    await load.endAll();
    await world.retire();
    const effects = world.effects();
    const ledger = await readLedger(world.ledger);
    const evidence: Evidence = { effects, acknowledgements: load.acknowledgements, freezes: world.freezes, ...ledger };
    const violations = judge(evidence);
    if (violations.length > 0) say(`the processes said last:\n${world.log()}`);
    return {
      seed,
      seconds,
      runs: ledger.runs.length,
      calls: ledger.calls.length,
      effects: effects.length,
      holds: ledger.holds.length,
      acknowledged: counted(load.acknowledgements.map(({ kind, choice }) => choice ?? kind)),
      lateByFreezes: judge({ ...evidence, freezes: [] }).length - violations.length,
      faults: struck.value,
      unaskedEnds: world.unaskedEnds,
      effectsPerSecond: Math.round((during / seconds) * 10) / 10,
      violations,
    };
  } finally {
    await world.close();
  }
}

/** One line for each figure. */
export function renderReport({ violations, faults, acknowledged, ...figures }: ChaosReport): string {
  return [
    ...Object.entries(figures).map(([name, value]) => `${name}: ${value}`),
    ...Object.entries(acknowledged).map(([choice, count]) => `acknowledged, ${choice}: ${count}`),
    ...Object.entries(faults).map(([name, count]) => `fault, ${name}: ${count}`),
    `violations: ${violations.length}`,
    ...violations.map(({ name, run, detail }) => `violation, ${name}: ${run}: ${detail}`),
  ].join('\n');
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
