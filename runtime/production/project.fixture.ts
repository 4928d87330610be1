import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { defineAction } from '../../activities/index.ts';

/** A project's actions, as `worker.actions` names them. */
export const tool = {
  put: defineAction({
    summary: 'Put a line into a file',
    input: z.strictObject({ file: z.string(), text: z.string() }),
    output: z.string(),
    annotations: { readOnly: false, destructive: false, idempotent: false, openWorld: false },
    run({ file, text }) {
      appendFileSync(file, `${text}\n`);
      return Promise.resolve(text);
    },
  }),
};
