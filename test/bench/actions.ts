import { z } from 'zod';
import { defineAction } from '../../activities/index.ts';

const onStart: { notify: (text: string) => void } = { notify: () => undefined };

/** Hears when an effect begins, in this process. */
export function whenEffectBegins(notify: (text: string) => void): void {
  onStart.notify = notify;
}

const annotations = { readOnly: false, destructive: false, idempotent: true, openWorld: false };
const input = z.strictObject({ text: z.string() });

export const bench = {
  /** Does nothing: what is measured is everything around it. */
  step: defineAction({ summary: 'Nothing', input, output: input, annotations, run: (given) => Promise.resolve(given) }),
  held: defineAction({
    summary: 'Nothing, after an approval',
    input,
    output: input,
    annotations,
    run(given) {
      onStart.notify(given.text);
      return Promise.resolve(given);
    },
  }),
};

/** The raw thing: the same activity on a worker that has no plugin. */
export const rawActivities = { 'bench.step': (given: { text: string }) => Promise.resolve(given) };
