import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import type { Digest, Json, Micros, StepKey } from '../../core/index.ts';

/** Rules read after the field's name: "steps must be …". */
const COUNT_RULE = 'must be a whole number of at least 1';
const NAME_RULE = 'must begin with a letter or digit and go on with letters, digits, ".", "_" or "-" (at most 100)';

export const instant = z.int().describe('Milliseconds since the epoch.');
export const duration = z.int().min(0).describe('Milliseconds.');
export const count = z.int(COUNT_RULE).min(1, COUNT_RULE);
export const natural = z.int().min(0);
export const name = z.string(NAME_RULE).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, NAME_RULE);
export const principal = z.string().describe('A person or an agent: person:ada, agent:release-bot.');
export const runId = z.string().meta({ description: 'Id of a run.', example: 'run-0f3k…' });
export const holdId = z.string().meta({ description: 'Id of a hold.', example: 'hold-0f3k…' });
/** Any JSON; what it may be is the workflow's or the action's matter. */
export const json: z.ZodType<Json> = z
  .custom<Json>((value) => value !== undefined, 'must be JSON')
  .meta({ override: {}, description: 'Any JSON value.' });

// Brands are the ledger's word that these were made by their one maker; on the wire they are plain.
export const micros = z.int().min(0).describe('Micro-USD.') as unknown as z.ZodType<Micros>;
export const digest = z.string().describe('Lower-case hex SHA-256.') as unknown as z.ZodType<Digest>;
export const stepKey = z.string().describe('Logical path and ordinal of a step: /3, /3/1.') as unknown as z.ZodType<StepKey>;

/** Parses what came from outside. Throws `Refusal` `request_invalid` with one line a problem: field, rule and value. */
export function parseInput<T>(schema: z.ZodType<T>, value: unknown, what: 'body' | 'query' | 'path'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describe(issue, value, what));
  throw new Refusal('invalid', 'request_invalid', problems.map((problem) => problem.message).join(' '), {
    hint: 'See /api/v1/openapi.json for what this route takes.',
    data: { problems },
  });
}

function describe(issue: z.core.$ZodIssue, value: unknown, what: string): { readonly field: string; readonly message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const field = [...issue.path, key].map(String).join('.');
      return { field, message: `The ${what} has no field "${field}".` };
    });
  }
  const field = issue.path.map(String).join('.');
  const rule = issue.message.startsWith('must') ? issue.message : ruleOf(issue);
  return [{ field, message: `${field === '' ? `The ${what}` : `"${field}"`} ${rule}; got ${received(value, issue.path)}.` }];
}

function ruleOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be of type ${issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map((one) => JSON.stringify(one)).join(', ')}`;
    case 'too_small':
      return `must be at least ${String(issue.minimum)}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_big':
      return `must be at most ${String(issue.maximum)}${issue.origin === 'string' ? ' characters' : ''}`;
    default:
      return `is not acceptable (${issue.message})`;
  }
}

/** Numbers, words and the kinds of the rest; long text is not repeated, since it may be anything. */
function received(value: unknown, path: readonly PropertyKey[]): string {
  let at: unknown = value;
  for (const step of path) at = typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined;
  if (at === undefined) return 'nothing';
  if (at === null || typeof at === 'number' || typeof at === 'boolean') return String(at);
  if (typeof at === 'string') return at.length <= 60 ? JSON.stringify(at) : `text of ${at.length} characters`;
  return Array.isArray(at) ? 'a list' : 'an object';
}
