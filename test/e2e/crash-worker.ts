import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { defineAction } from '../../activities/index.ts';
import type { Micros } from '../../core/index.ts';
import type { Database } from '../../ledger/index.ts';
import { withPoints } from '../fire/points.ts';
import type { Point } from '../fire/points.ts';
import { fail, runPart } from './part.ts';
import type { PartOptions } from './part.ts';
import type { Effect } from './tools.ts';

/** What crash.test.ts tells each process that it starts, kills, and starts again. */
export interface CrashOptions extends PartOptions {
  /** Whether calls stop at the point that their arguments name, until a file `go` is in the folder. */
  readonly stops: boolean;
  /** Whether the server kills itself as soon as a decision is committed. */
  readonly diesDeciding: boolean;
  /** What an attempt may cost at most, and what it costs when it ends, in micro-USD. */
  readonly cost: { readonly worst: number; readonly real: number };
}

/** Where a call stops, so that its process can be killed or frozen there. */
const STOPS = ['prepared', 'locked', 'committed', 'claimed', 'begun', 'done', 'settled', 'never'] as const satisfies readonly (
  | Point
  | 'never'
)[];
export type Stop = (typeof STOPS)[number];

const input = z.strictObject({ name: z.string(), stop: z.enum(STOPS).default('never') });
const output = z.strictObject({ name: z.string() });

/** Tools whose effects are lines of a file, and a ledger that stops at its points. */
function stoppingTools({ folder, stops, cost: { worst, real } }: CrashOptions) {
  const facts = new Map<string, number>();
  /** By run: calls whose effect is done. What the gate says next about such a run is how it ended. */
  const settling = new Map<unknown, z.output<typeof input>>();
  /** Calls that are about to be claimed, and to stop on the way; whoever comes to such a point first stops there. */
  const claiming: z.output<typeof input>[] = [];
  const effect = (line: Effect): void => appendFileSync(join(folder, 'effects.jsonl'), `${JSON.stringify(line)}\n`);
  const standStill = async (name: string): Promise<void> => {
    appendFileSync(join(folder, 'points.txt'), `${name}\n`);
    while (!existsSync(join(folder, 'go'))) await delay(20);
  };
  const tool = (action: string, idempotent: boolean) =>
    defineAction({
      summary: `Do ${action}`,
      input,
      output,
      annotations: { readOnly: false, destructive: false, openWorld: false, idempotent },
      facts: z.strictObject({ world: z.string() }),
      cost: { worst: () => worst as Micros },
      async resolve({ name, stop }) {
        const times = (facts.get(name) ?? 0) + 1;
        facts.set(name, times);
        if (stops && times === 1 && ['prepared', 'locked', 'committed'].includes(stop)) claiming.push({ name, stop });
        // The second time is the one between claim and effect.
        if (stops && times === 2 && stop === 'claimed') await standStill(name);
        return { facts: { world: 'as it was' } };
      },
      async run(given, { idempotencyKey, run, cost }) {
        const told = { action, run: run.id, idempotencyKey, input: given };
        effect({ phase: 'begun', ...told });
        if (stops && given.stop === 'begun') await standStill(given.name);
        cost(real as Micros);
        effect({ phase: 'done', ...told });
        if (stops) settling.set(run.id, given);
        return { name: given.name };
      },
    });
  const ledger = (db: Database): Database =>
    withPoints(db, async (point, run) => {
      const at = claiming.findIndex(({ stop }) => stop === point);
      const call = at < 0 ? settling.get(run) : claiming.splice(at, 1)[0];
      if (call?.stop === point) await standStill(call.name);
    });
  return {
    actions: { crash: { put: tool('crash.put', true), charge: tool('crash.charge', false), ask: tool('crash.ask', false) } },
    ledger,
  };
}

/** The server's ledger: whoever dies deciding does so as soon as the vote is committed. */
function mortal(ledger: Database): Database {
  return withPoints(ledger, async (point) => {
    if (point === 'decided') process.kill(process.pid, 'SIGKILL');
    return Promise.resolve();
  });
}

const [, , told] = process.argv;
if (told !== undefined) {
  const options = JSON.parse(told) as CrashOptions;
  const { actions, ledger } = stoppingTools(options);
  // One that dies wakes nobody: it must not be quicker than the end.
  const server = options.diesDeciding ? { serverLedger: mortal, reconciles: false } : { reconciles: true };
  runPart(options, { actions, workerLedger: ledger, ...server }).catch(fail);
}
