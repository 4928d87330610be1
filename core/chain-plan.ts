import { canonicalOf } from './canonical.ts';
import { parseDuration } from './duration.ts';
import { usd } from './money.ts';
import type { ActionName, Json, Micros, Millis } from './names.ts';
import { Refusal } from './refusal.ts';

/** Without continue-as-new, a longer history would replay too slowly. */
const MAX_STEPS = 500;
const PLAN_FIELDS = ['agent', 'labels', 'limits', 'input', 'steps'];
const STEP_FIELDS = ['id', 'action', 'input'];
const LIMIT_FIELDS = ['steps', 'spend', 'time'];

export interface ChainStep {
  readonly id: string;
  readonly action: ActionName;
  /** May hold references; see `chain-reference.ts`. */
  readonly input: Json;
}

/** Limits that a chain asks for; the others stay at their defaults. */
export interface ChainLimits {
  readonly steps?: number;
  readonly spend?: Micros;
  readonly time?: Millis;
}

/** Actions to run one after the other. `checkChain` says whether it can run. */
export interface ChainPlan {
  readonly agent: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: ChainLimits;
  readonly input: Json;
  readonly steps: readonly ChainStep[];
}

type Members = { readonly [name: string]: unknown };

/**
 * Reads `{ agent?, labels?, limits?: { steps, spend, time }, input?, steps: [{ id, action, input? }] }`, as YAML
 * or JSON give it. `spend` is in dollars; `time` is text such as `1h`, or milliseconds.
 * Throws `Refusal` `chain_invalid`, `chain_duplicate_step`, or that of a value (`json_unrepresentable`, …).
 */
export function parseChain(value: unknown): ChainPlan {
  const { agent = null, labels = {}, limits = {}, input = {}, steps } = known(value, 'The chain', PLAN_FIELDS);
  if (!(agent === null || isWord(agent))) throw invalid('agent', 'is the name of an agent', agent);
  if (!Array.isArray(steps) || steps.length === 0) throw invalid('steps', 'is a list of at least one step', steps);
  if (steps.length > MAX_STEPS) throw invalid('steps', `has at most ${MAX_STEPS} steps`, steps.length);
  return {
    agent,
    labels: parseLabels(labels),
    limits: parseLimits(limits),
    input: plainJson(input),
    steps: parseSteps(steps),
  };
}

function parseSteps(steps: readonly unknown[]): readonly ChainStep[] {
  const seen = new Map<string, number>();
  return steps.map((step, index) => {
    const at = `steps[${index}]`;
    const { id, action, input = {} } = known(step, `"${at}"`, STEP_FIELDS);
    if (typeof id !== 'string' || !/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(id)) {
      throw invalid(`${at}.id`, 'begins with a letter and has up to 64 letters, digits, _ and -', id);
    }
    const first = seen.get(id);
    if (first !== undefined) {
      throw new Refusal('invalid', 'chain_duplicate_step', `"${at}.id": the step "${id}" is there already, as steps[${first}].`, {
        hint: 'Give each step an id of its own.',
        data: { step: id, field: `${at}.id` },
      });
    }
    seen.set(id, index);
    if (!isWord(action)) throw invalid(`${at}.action`, 'is the name of an action, such as git.push', action);
    return { id, action, input: plainJson(input) };
  });
}

function parseLabels(value: unknown): Readonly<Record<string, string>> {
  const labels = known(value, '"labels"', null);
  for (const [name, label] of Object.entries(labels)) {
    if (!isWord(name) || typeof label !== 'string') throw invalid(`labels.${name}`, 'is text', label);
  }
  return plainJson(labels) as Readonly<Record<string, string>>;
}

function parseLimits(value: unknown): ChainLimits {
  const { steps, spend, time } = known(value, '"limits"', LIMIT_FIELDS);
  if (steps !== undefined && !isPositive(steps)) throw invalid('limits.steps', 'is a whole number above 0', steps);
  if (spend !== undefined && !(typeof spend === 'number' && spend > 0))
    throw invalid('limits.spend', 'is a number of dollars above 0', spend);
  if (time !== undefined && typeof time !== 'string' && !isPositive(time)) {
    throw invalid('limits.time', 'is a duration such as 1h, or a whole number of milliseconds above 0', time);
  }
  return {
    ...(steps === undefined ? {} : { steps }),
    ...(spend === undefined ? {} : { spend: usd(spend) }),
    ...(time === undefined ? {} : { time: typeof time === 'string' ? parseDuration(time) : time }),
  };
}

/** The members of a plain object; `names` lists the permitted ones, null = any. */
function known(value: unknown, what: string, names: readonly string[] | null): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(what, `${what} is a set of named fields`, value);
  const stranger = names === null ? undefined : Object.keys(value).find((name) => !names.includes(name));
  if (stranger === undefined) return value as Members;
  throw new Refusal('invalid', 'chain_invalid', `${what} has a field "${stranger}" that is not known.`, {
    hint: `The fields are ${(names ?? []).join(', ')}.`,
    data: { field: stranger },
  });
}

function plainJson(value: unknown): Json {
  return JSON.parse(canonicalOf(value)) as Json;
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && value.trim() === value && value !== '';
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function invalid(field: string, rule: string, value: unknown): Refusal {
  return wrong(field, `"${field}" ${rule}`, value);
}

function wrong(field: string, rule: string, value: unknown): Refusal {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return new Refusal('invalid', 'chain_invalid', `${rule}; got ${text.length > 80 ? `${text.slice(0, 80)}…` : text}.`, { data: { field } });
}
