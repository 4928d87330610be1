import { z } from 'zod';
import { defineAction } from '../../activities/define-action.ts';

const annotations = { readOnly: true, destructive: false, idempotent: true, openWorld: false } as const;

export const git = {
  log: defineAction({
    summary: 'Read the log',
    input: z.object({ repo: z.string(), depth: z.number().default(10) }),
    output: z.object({ commits: z.array(z.object({ hash: z.string() })) }),
    annotations,
    run: async () => ({ commits: [] }),
  }),
  remote: {
    push: defineAction({
      summary: 'Push a tag',
      input: z.object({ tag: z.string() }),
      output: z.object({ at: z.string().transform((text) => text.length) }),
      annotations,
      run: async () => ({ at: 'now' }),
    }),
  },
};

/** An export that is no action: `proxyActions` leaves it out. */
export function helper(): number {
  return 1;
}
