import { z } from 'zod';
import { count } from './primitives.ts';

/** Limits of a run, or amounts by which they are raised. */
export const amounts = z.strictObject({
  steps: count.optional(),
  spend: count.optional().describe('Micro-USD.'),
  time: count.optional().describe('Milliseconds.'),
  identical: count.optional(),
  failures: count.optional(),
});
