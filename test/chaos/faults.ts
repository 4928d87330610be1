import { setTimeout as delay } from 'node:timers/promises';
import type { Draw } from '../fire/seed.ts';
import { WORKERS } from './world.ts';
import type { ChaosWorld, PartName } from './world.ts';

/**
 * Something that goes wrong. It resolves when its cause is over, though what it struck may still be coming up; to false
 * where there was nothing to strike.
 */
export interface Fault {
  readonly name: string;
  /** What it strikes; nothing is struck twice at the same time. */
  readonly targets: readonly string[];
  strike(world: ChaosWorld, target: string, draw: Draw): Promise<boolean>;
}

const FAULTS: readonly Fault[] = [
  { name: 'worker killed', targets: WORKERS, strike: async (world, target) => world.kill(target as PartName) },
  // A lease is over within 10 s.
  {
    name: 'worker frozen',
    targets: WORKERS,
    strike: (world, target, draw) => world.freeze(target as PartName, 1_000 + draw.below(11_000)),
  },
  { name: 'server killed', targets: ['server'], strike: async (world) => world.kill('server') },
  { name: 'Temporal killed', targets: ['temporal'], strike: (world) => world.crashTemporal().then(() => true) },
  { name: 'Postgres killed', targets: ['postgres'], strike: (world) => world.crashPostgres().then(() => true) },
  { name: 'lines to the ledger cut', targets: ['lines'], strike: async (world) => world.cutLines() },
  { name: 'ledger away', targets: ['lines'], strike: (world, _, draw) => world.sever(200 + draw.below(3_000)).then(() => true) },
];

/** Between one fault and the next, in milliseconds. */
const PACE = { least: 2_000, more: 4_000 };

/** Strikes until it is over, and gives how often each fault struck, when the last one is over. */
export async function strikeUntil(
  isOver: () => boolean,
  world: ChaosWorld,
  { draw, say }: { readonly draw: Draw; readonly say: (line: string) => void },
): Promise<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(FAULTS.map(({ name }) => [name, 0]));
  const busy = new Set<string>();
  const striking: Promise<PromiseSettledResult<void>[]>[] = [];
  const strike = async (fault: Fault, target: string): Promise<void> => {
    busy.add(target);
    say(`${fault.name}: ${target}`);
    if (await fault.strike(world, target, draw)) counts[fault.name] = (counts[fault.name] ?? 0) + 1;
    busy.delete(target);
  };
  while (!isOver()) {
    await delay(PACE.least + draw.below(PACE.more));
    const fault = draw.shuffled(FAULTS).find(({ targets }) => targets.some((target) => !busy.has(target)));
    const target = draw.shuffled(fault?.targets ?? []).find((one) => !busy.has(one));
    // Settled, so that one that fails is told of in the end, when nothing is under way any more.
    if (fault !== undefined && target !== undefined) striking.push(Promise.allSettled([strike(fault, target)]));
  }
  for (const [struck] of await Promise.all(striking)) if (struck?.status === 'rejected') throw struck.reason;
  return counts;
}
