import { z } from 'zod';
import { DENIAL_CODES, MODES } from '../../core/index.ts';
import type { CallView, Denial, Observed, RunSummary, RunView } from '../../core/index.ts';
import { amounts } from './amounts.ts';
import { hold } from './hold.ts';
import { digest, duration, holdId, instant, json, micros, name, natural, principal, runId, stepKey } from './primitives.ts';

export const RUN_STATES = ['running', 'held', 'paused', 'succeeded', 'failed', 'killed'] as const;
const CALL_STATES = ['asked', 'claimed', 'succeeded', 'failed', 'not-started', 'unknown', 'refused', 'withdrawn'] as const;

const denial = z
  .object({
    code: z.enum(DENIAL_CODES),
    message: z.string(),
    policies: z.array(z.string()).readonly(),
    by: principal.nullable(),
    askAgain: z.boolean().describe('Whether asking again with the same arguments can ever succeed.'),
  })
  .meta({ id: 'Denial' }) satisfies z.ZodType<Denial>;

export const observedFields = {
  verdict: z.enum(['hold', 'deny', 'later', 'recorded']),
  what: z.string().describe('The kind of the hold, or the code of the denial.'),
  reason: z.string(),
  policies: z.array(z.string()).readonly(),
  asks: z.array(z.string()).readonly().describe('The groups whose members would have been asked.'),
};
const observed = z.object(observedFields).meta({ id: 'Observed' }) satisfies z.ZodType<Observed>;

const call = z
  .object({
    key: stepKey,
    action: z.string(),
    digest,
    state: z.enum(CALL_STATES),
    attempts: natural,
    verdict: z.enum(['allow', 'recorded', 'edited', 'hold', 'deny', 'later', 'fenced']).describe("The gate's last answer."),
    spend: micros,
    hold: holdId.nullable().describe('The hold whose answer it waits for.'),
    grant: holdId.nullable().describe('The hold whose grant it used.'),
    error: z.string().nullable(),
    denial: denial.nullable(),
    observed: observed.nullable().describe('What enforcement would have answered; null unless something is in observe.'),
  })
  .meta({ id: 'Call' }) satisfies z.ZodType<CallView>;

const summaryFields = {
  id: runId,
  agent: z.string(),
  workflow: z.string(),
  state: z.enum(RUN_STATES),
  mode: z.enum(MODES).describe('observe = verdicts are recorded, and everything passes.'),
  adopted: z.boolean().describe('Started elsewhere, and adopted at its first call.'),
  requesters: z.array(principal).readonly(),
  labels: z.record(z.string(), z.string()),
  startedAt: instant,
  closedAt: instant.nullable(),
  closedReason: z.string().nullable().describe('Why it ended: for a failed run the root cause.'),
  killed: z.object({ at: instant, by: principal.nullable(), reason: z.string().nullable() }).nullable(),
  steps: z.object({ used: natural, limit: natural }),
  spend: z.object({ settled: micros, reserved: micros, overrun: micros, limit: micros }),
  time: z.object({ used: duration, limit: duration }).describe('Working time; waiting for people is not in it.'),
  failures: z.object({ used: natural, limit: natural }),
  identical: z.object({ limit: natural }),
  openHolds: natural,
};

export const runSummary = z.object(summaryFields).meta({ id: 'RunSummary' }) satisfies z.ZodType<RunSummary>;
export const run = z
  .object({ ...summaryFields, calls: z.array(call).readonly(), holds: z.array(hold).readonly() })
  .meta({ id: 'Run' }) satisfies z.ZodType<RunView>;

export const startBody = z
  .strictObject({
    workflow: name.describe('The workflow type; "chain" runs a list of steps, given as the input.'),
    agent: name.optional().describe("Default: the token's agent; a person names one."),
    input: json.optional().describe("The workflow's one argument."),
    limits: amounts.optional(),
    labels: z.record(name, z.string().max(200)).optional(),
    asMe: z.boolean().optional().describe('Adds the person to the requesters, who then cannot decide the holds of the run.'),
  })
  .meta({ id: 'StartRun' });

export const reason = z.string('must be text').trim().min(1, 'must say why').max(1_000, 'must be at most 1000 characters');
export const killBody = z.strictObject({ reason }).meta({ id: 'KillRun' });
export const killManyBody = z
  .strictObject({
    filter: z
      .strictObject({ agent: name.optional(), state: z.enum(['running', 'held']).optional() })
      .refine((filter) => Object.keys(filter).length > 0, 'must have at least one field'),
    expected: natural.describe('How many runs match; the request is refused if it is another number by now.'),
    reason,
  })
  .meta({ id: 'KillRuns' });
export const killed = z.object({ killed: z.array(runId).readonly() }).meta({ id: 'Killed' });
export const raiseBody = z
  .strictObject({ raise: amounts.refine((raise) => Object.keys(raise).length > 0, 'must raise at least one limit'), reason })
  .meta({ id: 'RaiseRun' });
