import { z } from 'zod';
import { defineAction, usd } from '../../runtime/index.ts';

/** A harmless question that never gets an answer. It costs a tenth of a cent, so that spend is seen to move. */
export const demo = {
  ask: defineAction({
    summary: 'Ask a question',
    input: z.strictObject({ question: z.string().max(1_000) }),
    output: z.strictObject({ answer: z.string() }),
    annotations: { readOnly: false, destructive: false, idempotent: true, openWorld: false },
    title: ({ question }) => question,
    cost: { worst: () => usd(0.001) },
    run: () => Promise.resolve({ answer: 'I do not know yet; ask again.' }),
  }),
};
