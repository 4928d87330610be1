import { z } from 'zod';
import { CHOICES, HOLD_KINDS, SEVERITIES } from '../../core/index.ts';
import type { HoldView, Requirement, Vote } from '../../core/index.ts';
import { amounts } from './amounts.ts';
import { count, digest, duration, holdId, instant, json, natural, principal, runId, stepKey } from './primitives.ts';

export const HOLD_STATES = ['open', 'granted', 'denied', 'expired', 'withdrawn'] as const;

const requirement = z
  .object({
    policy: z.string(),
    reason: z.string(),
    approvers: z.string(),
    quorum: natural,
    deadline: duration,
    valid: duration,
    severity: z.enum(SEVERITIES),
    edits: z.array(z.string()).readonly(),
  })
  .meta({ id: 'Requirement' }) satisfies z.ZodType<Requirement>;

const vote = z
  .object({ person: principal, version: natural, choice: z.enum(CHOICES), at: instant })
  .meta({ id: 'Vote' }) satisfies z.ZodType<Vote>;
const text = z.string();

export const hold = z
  .object({
    id: holdId,
    run: runId,
    kind: z.enum(HOLD_KINDS),
    action: z.string().nullable().describe('Null where the hold concerns the whole run.'),
    key: stepKey.nullable(),
    digest: digest.nullable().describe('What an approval binds.'),
    reason: z.string(),
    state: z.enum(HOLD_STATES),
    version: natural.describe('Grows with every edit; a decision names the version it saw.'),
    requires: z.array(requirement).readonly(),
    votes: z.array(vote).readonly(),
    openedAt: instant,
    decideBy: instant.nullable(),
    choices: z.array(z.enum(CHOICES)).readonly(),
    deciders: z.array(z.object({ approvers: z.string(), quorum: natural })).readonly(),
    shown: z
      .object({
        title: text,
        fields: z.array(z.object({ name: text, value: text })).readonly(),
        evidence: z.array(z.object({ title: text, text })).readonly(),
      })
      .describe('What people see: the exact arguments and facts, frozen when the hold opened.'),
    ended: z
      .object({
        at: instant,
        by: z.array(principal).readonly(),
        choice: z.enum(CHOICES).nullable(),
        useBy: instant.nullable(),
        note: z.string().nullable(),
      })
      .nullable(),
    edit: z.object({ version: natural, by: principal, changes: json }).nullable(),
    policySet: z.string().nullable(),
  })
  .meta({ id: 'Hold' }) satisfies z.ZodType<HoldView>;

export const decideBody = z
  .strictObject({
    choice: z.enum(CHOICES, `must be one of ${CHOICES.join(', ')}`),
    version: count.describe('The version of the hold that the person saw.'),
    note: z.string('must be text').max(1_000, 'must be at most 1000 characters').optional(),
    edit: json.optional().describe('Changed top-level input fields; with approve.'),
    raise: amounts.optional().describe('With raise.'),
    result: json.optional().describe("The call's result; with succeeded."),
  })
  .meta({ id: 'Decide' });
