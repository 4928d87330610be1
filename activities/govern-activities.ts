import { z } from 'zod';
import { closestWord, Refusal } from '../core/index.ts';
import type { ActionAnnotations, Micros, Millis } from '../core/index.ts';
import { defineAction } from './define-action.ts';
import type { Action } from './define-action.ts';

/** On a folder of actions whose own name is no part of theirs: activities keep the names under which workflows call them. */
export const UNNAMED = Symbol.for('holdpoint.unnamed');

type Parameters = Readonly<Record<string, z.ZodType>>;

/** What is stated of an existing activity, so that it can be judged; the activity itself stays as it is. */
export interface ActivityMetadata {
  /** One line, for people. Default: its name. */
  readonly summary?: string;
  /** What it does to the world; nothing is assumed. */
  readonly annotations: ActionAnnotations;
  /**
   * Its parameters in order, by the names under which policies, limits and approvers see them. Without them they are
   * `arg1`, `arg2` …, which policies cannot read.
   */
  readonly args?: Parameters;
  /** Default: any JSON, and nothing. */
  readonly output?: z.ZodType;
  readonly title?: (input: Readonly<Record<string, unknown>>) => string;
  readonly cost?: { readonly worst: (input: Readonly<Record<string, unknown>>) => Micros };
  /** Parameters that hold `secret:NAME` references; the activity gets the secret. */
  readonly secrets?: readonly string[];
  /** Parameters that an approver may change. */
  readonly editable?: readonly string[];
  readonly timeout?: Millis;
  readonly attempts?: number;
  /** Types of its `ApplicationFailure`s by which it says that it refused and did nothing: `CardDeclined`. */
  readonly declines?: readonly string[];
}

/** By the activity's name; `*` for those that have no entry of their own. */
export type GovernedActivities<A extends object> = { readonly [Name in keyof A]?: ActivityMetadata } & { readonly '*'?: ActivityMetadata };

/**
 * Governs existing activities: `holdpoint({ actions: governActivities(activities, { chargeCard: { … }, '*': { … } }) })`
 * in the place of `activities` of the worker. Workflows and activities stay as they are. Throws `Refusal`
 * `activity_undeclared`, with the lines to paste, where neither an entry nor `*` covers an activity, and
 * `activity_unknown` where an entry covers none.
 */
export function governActivities<A extends object>(activities: A, metadata: GovernedActivities<A>): Readonly<Record<string, Action>> {
  const functions = functionsOf(activities);
  const stated = metadata as Readonly<Record<string, ActivityMetadata | undefined>>;
  const { '*': rest } = stated;
  for (const name of Object.keys(stated)) if (name !== '*' && !functions.has(name)) throw unknown(name, [...functions.keys()]);
  const uncovered = [...functions.keys()].filter((name) => stated[name] === undefined && rest === undefined);
  if (uncovered.length > 0) throw undeclared(uncovered);
  const governed: [string, Action][] = [];
  for (const [name, run] of functions) {
    const said = stated[name] ?? rest;
    if (said !== undefined) governed.push([name, actionOf(name, run.bind(activities), said)]);
  }
  return Object.defineProperty(Object.fromEntries(governed), UNNAMED, { value: true });
}

/** The lines that declare activities, with the annotations that assume the worst. */
export function linesToPaste(names: readonly string[]): string {
  const worst = 'annotations: { readOnly: false, destructive: true, idempotent: false, openWorld: true }';
  return names.map((name) => `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name)}: { ${worst} },`).join('\n');
}

type Activity = (...args: unknown[]) => unknown;

/** Own functions, and for an instance those of its class. */
function functionsOf(activities: object): ReadonlyMap<string, Activity> {
  const found = new Map<string, Activity>();
  for (let at: object | null = activities; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) {
      const value: unknown = (activities as Record<string, unknown>)[name];
      if (name !== 'constructor' && typeof value === 'function' && !found.has(name)) found.set(name, value as Activity);
    }
  }
  return found;
}

function actionOf(name: string, run: Activity, metadata: ActivityMetadata): Action {
  const {
    args,
    summary = name,
    output = z.any(),
    title,
    cost,
    annotations,
    secrets,
    editable,
    timeout,
    attempts,
    declines = [],
  } = metadata;
  const names = Object.keys(args ?? {});
  const action = defineAction({
    summary,
    annotations,
    input: args === undefined ? z.looseObject({}) : z.strictObject(args as z.ZodRawShape),
    output,
    ...(title && { title }),
    ...(cost && { cost }),
    ...(secrets && { secrets }),
    ...(editable && { editable }),
    ...(timeout !== undefined && { timeout }),
    ...(attempts !== undefined && { attempts }),
    run: async (input, { secret }) => run(...argumentsOf({ ...input, ...revealed(input, secrets ?? [], secret) }, names)),
  });
  // Its schemas are those of this one activity; the registry knows no types.
  return { ...(action as unknown as Action), positional: { names, declines } };
}

function revealed(
  input: Readonly<Record<string, unknown>>,
  names: readonly string[],
  secret: (reference: string) => string,
): Readonly<Record<string, string>> {
  const references = names.map((name) => [name, input[name]] as const);
  return Object.fromEntries(references.flatMap(([name, value]) => (typeof value === 'string' ? [[name, secret(value)]] : [])));
}

/** The arguments by name, as they are judged: what is left out, or undefined, has no name. */
export function namedArguments(args: readonly unknown[], names: readonly string[]): Readonly<Record<string, unknown>> {
  const named = args.map((value, index) => [nameAt(names, index), value] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}

/** The same as the function takes them. */
function argumentsOf(input: Readonly<Record<string, unknown>>, names: readonly string[]): unknown[] {
  const positions = Object.keys(input).map((name) => (names.includes(name) ? names.indexOf(name) : Number(name.replace(/^arg/, '')) - 1));
  return Array.from({ length: Math.max(0, ...positions.map((position) => position + 1)) }, (_, index) => input[nameAt(names, index)]);
}

function nameAt(names: readonly string[], index: number): string {
  return names[index] ?? `arg${index + 1}`;
}

function undeclared(names: readonly string[]): Refusal {
  return new Refusal('refused', 'activity_undeclared', `governActivities says nothing of these activities: ${names.join(', ')}.`, {
    hint: `State what each does, or "*" for the rest. These lines assume the worst:\n${linesToPaste(names)}`,
    data: { activities: names },
  });
}

function unknown(name: string, names: readonly string[]): Refusal {
  const guess = closestWord(name, names);
  return new Refusal('invalid', 'activity_unknown', `governActivities speaks of "${name}", which is not among the activities.`, {
    hint: guess === null ? `There are: ${names.join(', ')}.` : `Did you mean "${guess}"?`,
    data: { activity: name },
  });
}
