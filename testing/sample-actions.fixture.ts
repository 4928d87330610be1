import { z } from 'zod';
import { defineAction } from '../runtime/index.ts';

const WRITES = { readOnly: false, destructive: false, idempotent: true, openWorld: true } as const;

export const mail = {
  count: defineAction({
    summary: 'Count the mails',
    input: z.strictObject({}),
    output: z.strictObject({ count: z.int() }),
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false },
    run: () => Promise.resolve({ count: 0 }),
  }),
  send: defineAction({
    summary: 'Send a mail',
    input: z.strictObject({ to: z.string(), text: z.string(), copies: z.int().default(1) }),
    output: z.strictObject({ status: z.int() }),
    annotations: WRITES,
    title: ({ to }) => `Mail to ${to}`,
    editable: ['text'],
    facts: z.strictObject({ known: z.boolean() }),
    resolve: ({ to }) => Promise.resolve({ facts: { known: to.endsWith('@example.com') } }),
    run: () => Promise.reject(new Error('there is no mail service here')),
  }),
};

export const shop = {
  stock: {
    order: defineAction({
      summary: 'Order goods',
      input: z.strictObject({ item: z.string() }),
      output: z.null(),
      annotations: WRITES,
      run: () => Promise.resolve(null),
    }),
  },
};
