import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { defineAction, NothingHappened } from '../../activities/index.ts';
import type { Micros } from '../../core/index.ts';

/** One effect, as the tool itself saw it. */
export interface Effect {
  readonly phase: 'begun' | 'done';
  readonly action: string;
  readonly run: string;
  readonly idempotencyKey: string;
  readonly input: Readonly<Record<string, unknown>>;
}

const HARMLESS = { readOnly: false, destructive: false, openWorld: false } as const;
const input = z.strictObject({
  text: z.string(),
  /** How it ends: `wait` = when the file `go-<text>` appears in the folder; `once` = it throws the first time only. */
  end: z.enum(['ok', 'throw', 'once', 'nothing', 'wait', 'ignore']).default('ok'),
  /** Worst cost, in micro-USD. */
  worst: z.int().min(0).default(0),
  /** What it reports to have cost; absent = it reports nothing. */
  cost: z.int().min(0).optional(),
});
const output = z.strictObject({ text: z.string() });

/** Tools whose effects are lines of a file, so that what really happened is known whoever was killed. */
export function toolActions(folder: string) {
  const log = join(folder, 'effects.jsonl');
  const world = join(folder, 'world.txt');
  const looks = new Map<string, number>();
  const note = (effect: Effect): void => appendFileSync(log, `${JSON.stringify(effect)}\n`);
  const tool = (action: string, idempotent: boolean) =>
    defineAction({
      summary: `Do ${action}`,
      input,
      output,
      annotations: { ...HARMLESS, idempotent },
      title: ({ text }) => `${action} ${text}`,
      editable: ['text'],
      cost: { worst: ({ worst }) => worst as Micros },
      async run(given, { idempotencyKey, run, signal, cost }) {
        const told = { action, run: run.id, idempotencyKey, input: given };
        if (given.end === 'nothing') throw new NothingHappened('it did nothing');
        const first = given.end === 'once' && !readEffects(folder).some((one) => one.idempotencyKey === idempotencyKey);
        note({ phase: 'begun', ...told });
        if (given.cost !== undefined) cost(given.cost as Micros);
        if (given.end === 'throw' || first) throw new Error('it broke');
        while (given.end === 'wait' && !existsSync(join(folder, `go-${given.text}`))) {
          await delay(10);
          signal.throwIfAborted();
        }
        while (given.end === 'ignore' && !existsSync(join(folder, `go-${given.text}`))) await delay(10);
        note({ phase: 'done', ...told });
        return { text: given.text };
      },
    });
  return {
    tool: {
      put: tool('tool.put', true),
      charge: tool('tool.charge', false),
      look: defineAction({
        summary: 'Look',
        input: z.strictObject({ text: z.string() }),
        output,
        annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
        run: ({ text }) => Promise.resolve({ text }),
      }),
      deploy: defineAction({
        summary: 'Deploy what the world says',
        input: z.strictObject({ text: z.string() }),
        output,
        annotations: { ...HARMLESS, idempotent: false },
        facts: z.strictObject({ world: z.string() }),
        resolve: () => Promise.resolve({ facts: { world: readFileSync(world, 'utf8') }, evidence: [{ title: 'World', text: 'as it is' }] }),
        run({ text }, { facts, idempotencyKey, run }) {
          note({ phase: 'done', action: 'tool.deploy', run: run.id, idempotencyKey, input: { text, world: facts.world } });
          return Promise.resolve({ text });
        },
      }),
      shifty: defineAction({
        summary: 'Act on what has moved each of the first few times that it is looked at',
        input: z.strictObject({ text: z.string(), moves: z.int().min(0) }),
        output,
        annotations: { ...HARMLESS, idempotent: false },
        facts: z.strictObject({ at: z.int() }),
        resolve({ text, moves }) {
          const at = Math.min(looks.get(text) ?? 0, moves);
          looks.set(text, at + 1);
          return Promise.resolve({ facts: { at } });
        },
        run({ text }, { facts, idempotencyKey, run }) {
          note({ phase: 'done', action: 'tool.shifty', run: run.id, idempotencyKey, input: { text, at: facts.at } });
          return Promise.resolve({ text });
        },
      }),
      login: defineAction({
        summary: 'Log in',
        input: z.strictObject({ user: z.string(), password: z.string(), refused: z.boolean().default(false) }),
        output,
        secrets: ['password'],
        annotations: { ...HARMLESS, idempotent: true },
        run({ user, password, refused }, { secret, idempotencyKey, run }) {
          const value = secret(password);
          if (refused) throw new Error(`${user} cannot log in with ${value}`);
          note({ phase: 'done', action: 'tool.login', run: run.id, idempotencyKey, input: { user, length: value.length } });
          return Promise.resolve({ text: `in as ${user} with ${value}` });
        },
      }),
    },
  };
}

export type ToolActions = ReturnType<typeof toolActions>;

export function readEffects(folder: string): readonly Effect[] {
  const log = join(folder, 'effects.jsonl');
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Effect);
}
