import type { Figure } from './figure.ts';
import { atLeast, atMost, median, plain } from './figure.ts';
import type { Lab, Setting } from './lab.ts';

/** A start costs about as much as some steps do, on both sides, and is measured by itself. */
const SHAPES = [
  { runs: 1, steps: 200 },
  { runs: 20, steps: 50 },
  { runs: 100, steps: 20 },
] as const;
const GOALS = { postgres: 0.9, pglite: 0.75 } as const;

/** Supervised ÷ raw steps per second, each ratio taken within one round, median over the rounds. */
export async function measureThroughput(lab: Lab, rounds: number, say: (line: string) => void): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const { runs, steps } of SHAPES) {
    await Promise.all([lab.raw, lab.postgres, lab.pglite].map((setting) => rate(lab, setting, runs, Math.min(steps, 6))));
    const ratios: Record<'postgres' | 'pglite', number[]> = { postgres: [], pglite: [] };
    for (let round = 0; round < rounds; round += 1) {
      // The order turns round by round, so that what drifts meets all alike.
      const rates: Partial<Record<Setting['name'], number>> = {};
      for (const setting of turned([lab.raw, lab.postgres, lab.pglite], round)) rates[setting.name] = await rate(lab, setting, runs, steps);
      for (const name of ['postgres', 'pglite'] as const) ratios[name].push((rates[name] ?? 0) / (rates.raw ?? Number.NaN));
      say(
        `  ${runs} runs, round ${round + 1}: ${Object.entries(rates)
          .map(([name, value]) => `${name} ${value.toFixed(0)}`)
          .join(', ')} steps/s`,
      );
    }
    for (const name of ['postgres', 'pglite'] as const)
      figures.push(atLeast(`supervised / raw steps per second, ${name}, ${runs} runs`, median(ratios[name]), 'x', GOALS[name]));
  }
  return figures;
}

/** A run of one step, from the ask to start it to its result; raw and supervised in turn. */
export async function measureShortRun(lab: Lab, samples: number): Promise<readonly Figure[]> {
  const times: Record<Setting['name'], number[]> = { raw: [], postgres: [], pglite: [] };
  for (let sample = 0; sample < samples + 3; sample += 1) {
    for (const setting of turned([lab.raw, lab.postgres, lab.pglite], sample)) {
      const startedAt = performance.now();
      await lab.client.workflow.getHandle(await setting.start('steps', { count: 1 })).result();
      if (sample >= 3) times[setting.name].push(performance.now() - startedAt);
    }
  }
  return (['raw', 'postgres', 'pglite'] as const).map((name) => plain(`a run of one step, ${name}, p50`, median(times[name]), 'ms'));
}

/** Events and workflow tasks of an allowed step, beyond those of the raw one. */
export async function measureHistory(lab: Lab): Promise<readonly Figure[]> {
  const count = 20;
  const [raw, supervised] = await Promise.all(
    [lab.raw, lab.postgres].map(async (setting) => {
      const handle = lab.client.workflow.getHandle(await setting.start('steps', { count }));
      await handle.result();
      const events = (await handle.fetchHistory()).events ?? [];
      return { events: events.length, tasks: events.filter((event) => Boolean(event.workflowTaskCompletedEventAttributes)).length };
    }),
  );
  const extra = (of: 'events' | 'tasks'): number => ((supervised?.[of] ?? Number.NaN) - (raw?.[of] ?? Number.NaN)) / count;
  return [
    atMost('extra events per allowed step', extra('events'), 'events', 0),
    atMost('extra workflow tasks per allowed step', extra('tasks'), 'tasks', 0),
  ];
}

/** Time per step late in a long run ÷ early in it, over windows of 100 steps that end at 1,000 and begin at 50. */
export async function measureLongRun(lab: Lab, rounds: number): Promise<readonly Figure[]> {
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const marks = (await lab.client.workflow.getHandle(await lab.postgres.start('long', { count: 1_050 })).result()) as readonly number[];
    // A mark every 50 steps: [0] = step 50 … [20] = step 1,050.
    const window = (from: number, to: number): number => (marks[to] ?? Number.NaN) - (marks[from] ?? Number.NaN);
    ratios.push(window(18, 20) / window(0, 2));
  }
  return [atMost('time per step at step 1,000 / at step 100', median(ratios), 'x', 1.1)];
}

async function rate(lab: Lab, setting: Setting, runs: number, steps: number): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: runs }, async () => lab.client.workflow.getHandle(await setting.start('steps', { count: steps })).result()),
  );
  return (runs * steps * 1_000) / (performance.now() - startedAt);
}

function turned<T>(items: readonly T[], by: number): readonly T[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
