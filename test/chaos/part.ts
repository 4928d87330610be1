import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { defineAction, NothingHappened } from '../../activities/index.ts';
import type { Micros } from '../../core/index.ts';
import { fail, runPart } from '../e2e/part.ts';
import type { PartOptions } from '../e2e/part.ts';
import type { ChaosEffect } from './oracle.ts';

/** What a process of the chaos is told. */
export interface ChaosPartOptions extends PartOptions {
  /** `worker-1`, `server` …; its effects say so. */
  readonly name: string;
}

const input = z.strictObject({
  text: z.string(),
  /** How the first attempt in a process ends; the later ones are `ok`. */
  first: z.enum(['ok', 'throw', 'nothing']).default('ok'),
  /** How long the effect takes. */
  millis: z.int().min(0).default(0),
  /** Micro-USD, as the most that an attempt can cost, and as what it does cost. */
  worst: z.int().min(0).default(0),
  cost: z.int().min(0).default(0),
});

/** Tools that write down when their effects begin, whoever is killed afterwards. */
function chaosTools({ folder, name }: ChaosPartOptions) {
  const tried = new Set<string>();
  const note = (effect: ChaosEffect): void => appendFileSync(join(folder, 'effects.jsonl'), `${JSON.stringify(effect)}\n`);
  const tool = (action: string, idempotent: boolean) =>
    defineAction({
      summary: `Do ${action}`,
      input,
      output: z.strictObject({ text: z.string() }),
      annotations: { readOnly: false, destructive: false, openWorld: false, idempotent },
      editable: ['text'],
      cost: { worst: ({ worst }) => worst as Micros },
      async run(given, { idempotencyKey, run, cost }) {
        const isFirst = !tried.has(idempotencyKey);
        tried.add(idempotencyKey);
        if (isFirst && given.first === 'nothing') throw new NothingHappened('it did nothing');
        const key = idempotencyKey.slice(run.id.length);
        note({ run: run.id, key, action, idempotent, worker: name, at: Date.now(), cost: given.cost });
        cost(given.cost as Micros);
        if (isFirst && given.first === 'throw') throw new Error('it broke');
        await delay(given.millis);
        return { text: given.text };
      },
    });
  return { chaos: { put: tool('chaos.put', true), charge: tool('chaos.charge', false), ask: tool('chaos.ask', false) } };
}

const [, , told] = process.argv;
if (told !== undefined) {
  const options = JSON.parse(told) as ChaosPartOptions;
  runPart(options, { actions: chaosTools(options), reconciles: true }).catch(fail);
}
