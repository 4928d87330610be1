import { z } from 'zod';
import { MODES, Refusal, parseDuration, usd } from '../../core/index.ts';

/**
 * `holdpoint.config.yaml`. Every rule is one sentence fragment that reads after the field's name
 * ("must be …"), since the message of a problem is made of field, rule and received value.
 */
const NAME_RULE = 'must begin with a letter or digit and go on with letters, digits and . _ @ + - (at most 100)';
const COUNT_RULE = 'must be a whole number of at least 1';
const SPEND_RULE = 'must be a number of US dollars above 0 with at most six decimals';
const TIME_RULE = 'must be a duration such as 90s, 30m or 1h';
const PATH_RULE = 'must be a path';
const LIST_RULE = 'must be a list';
const MAP_RULE = 'must be a map';

const name = z.string(NAME_RULE).regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/, NAME_RULE);
const path = z.string(PATH_RULE).min(1, PATH_RULE);
const count = z.int(COUNT_RULE).min(1, COUNT_RULE);
const UNGOVERNED_RULE = 'must be activity:NAME, queue:NAME, nexus:ENDPOINT, signal:NAME or sink:NAME';
const patterns = z.array(z.string('must be a name').min(1, 'must be a name'), LIST_RULE);

const limits = z.strictObject(
  {
    steps: count.optional().describe('Attempts started.'),
    spend: z
      .number(SPEND_RULE)
      .positive({ error: SPEND_RULE, abort: true })
      .refine(isAmount, SPEND_RULE)
      .optional()
      .describe('US dollars, settled and reserved together.'),
    time: z
      .string(TIME_RULE)
      .refine(isDuration, TIME_RULE)
      .optional()
      .describe('Working time; waiting for people does not count. For example 1h.'),
    identical: count.optional().describe('Calls with the same action and input.'),
    failures: count.optional().describe('Consecutive failures, refusals included.'),
  },
  MAP_RULE,
);

const mode = z.enum(MODES, 'must be enforce or observe');

export const configSchema = z.strictObject(
  {
    people: z
      .record(
        name,
        z.strictObject({ name: z.string('must be text').min(1, 'must not be empty').optional() }, MAP_RULE).nullable(),
        MAP_RULE,
      )
      .optional()
      .describe('Those who may decide, by id.'),
    groups: z
      .record(name, z.array(name, LIST_RULE).min(1, 'must have at least one member'), MAP_RULE)
      .optional()
      .describe('Groups of people by id; policies name them in @approvers. "operators" decide what no policy assigns.'),
    mode: mode.optional().describe('enforce, or observe: verdicts are recorded and everything passes. Default: enforce.'),
    admission: z
      .enum(['hold', 'refuse', 'observe'], 'must be hold, refuse or observe')
      .optional()
      .describe('What becomes of runs that Holdpoint did not start, the first time their agent is seen. Default: hold.'),
    limits: limits.optional().describe('What a run may do unless its start or its agent says otherwise.'),
    agents: z
      .record(name, z.strictObject({ limits: limits.optional(), mode: mode.optional() }, MAP_RULE).nullable(), MAP_RULE)
      .optional()
      .describe('Agents by name, with the limits and the mode of their runs.'),
    policies: path.optional().describe('Folder of Cedar policies. Default: policies.'),
    worker: z
      .strictObject(
        {
          actions: path.describe('Module that exports the actions.'),
          workflows: path.describe('Module that exports the workflows.'),
          taskQueue: z.string('must be text').min(1, 'must not be empty').optional().describe('Default: holdpoint.'),
        },
        MAP_RULE,
      )
      .optional(),
    temporal: z
      .strictObject(
        {
          address: z
            .string('must be HOST:PORT')
            .regex(/^[^\s/:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'must be HOST:PORT')
            .optional(),
          namespace: z.string('must be text').min(1, 'must not be empty').optional().describe('Default: default.'),
        },
        MAP_RULE,
      )
      .optional(),
    server: z
      .strictObject(
        {
          bind: z
            .string('must be an address')
            .min(1, 'must be an address')
            .optional()
            .describe('Address to listen on. Default: 127.0.0.1.'),
          hosts: patterns.optional().describe('Host names under which clients reach the server, beside the loopback ones.'),
        },
        MAP_RULE,
      )
      .optional(),
    queues: patterns.optional().describe("Governed task queues beside the worker's own: those whose workers have the gate."),
    ungoverned: z
      .array(z.string(UNGOVERNED_RULE).regex(/^(activity|queue|nexus|signal|sink):\S+$/, UNGOVERNED_RULE), LIST_RULE)
      .optional()
      .describe('What passes without the gate: activity:NAME, queue:NAME, nexus:ENDPOINT, signal:NAME, sink:NAME.'),
  },
  MAP_RULE,
);

export type ConfigFile = z.infer<typeof configSchema>;

/** The JSON Schema (2020-12) of the file, for editors. */
export function configJsonSchema(): object {
  return { title: 'holdpoint.config.yaml', ...z.toJSONSchema(configSchema, { io: 'input' }) };
}

function isAmount(value: number): boolean {
  return accepts(() => usd(value));
}

function isDuration(text: string): boolean {
  return accepts(() => parseDuration(text));
}

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}
