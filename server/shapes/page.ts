import { z } from 'zod';

const LIMIT_RULE = 'must be a whole number from 1 to 200';

/** Query fields of every list. Query values are text. */
export const pageQuery = {
  limit: z
    .string(LIMIT_RULE)
    .regex(/^(?:[1-9]\d?|1\d\d|200)$/, LIMIT_RULE)
    .transform(Number)
    .optional(),
  cursor: z.string().max(500).optional().describe('`next` of the page before.'),
};

export const DEFAULT_PAGE = 50;

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item).readonly(), next: z.string().nullable().describe('The cursor of the page after this one.') });
}
