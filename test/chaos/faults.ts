import { setTimeout as delay } from 'node:timers/promises';
import type { Draw } from '../fire/seed.ts';
import { WORKERS } from './world.ts';
import type { ChaosWorld, PartName } from './world.ts';

/** Something that goes wrong. It resolves when its cause is over, though what it struck may still be coming up. */
export interface Fault {
  readonly name: string;
  /** What it strikes; nothing is struck twice at the same time. */
  readonly targets: readonly string[];
  strike(world: ChaosWorld, target: string, draw: Draw): Promise<void>;
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
  { name: 'Temporal killed', targets: ['temporal'], strike: (world) => world.crashTemporal() },
  { name: 'Postgres killed', targets: ['postgres'], strike: (world) => world.crashPostgres() },
  { name: 'lines to the ledger cut', targets: ['lines'], strike: async (world) => world.cutLines() },
  { name: 'ledger away', targets: ['lines'], strike: (world, _, draw) => world.sever(200 + draw.below(3_000)) },
];

/** Between one fault and the next, in milliseconds. */
const PACE = { least: 2_000, more: 4_000 };

/** Strikes until the time is over, and gives how often each fault struck, when the last one is over. */
export async function strikeUntil(
  world: ChaosWorld,
  endsAt: number,
  draw: Draw,
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = Object.fromEntries(FAULTS.map(({ name }) => [name, 0]));
  const busy = new Set<string>();
  const striking: Promise<void>[] = [];
  while (performance.now() < endsAt) {
    await delay(PACE.least + draw.below(PACE.more));
    const fault = draw.shuffled(FAULTS).find(({ targets }) => targets.some((target) => !busy.has(target)));
    const target = draw.shuffled(fault?.targets ?? []).find((one) => !busy.has(one));
    if (fault === undefined || target === undefined) continue;
    busy.add(target);
    counts[fault.name] = (counts[fault.name] ?? 0) + 1;
    say(`${fault.name}: ${target}`);
    striking.push(fault.strike(world, target, draw).finally(() => busy.delete(target)));
  }
  await Promise.all(striking);
  return counts;
}
