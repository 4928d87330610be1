import { z } from 'zod';
import { canonicalOf, Refusal } from '../core/index.ts';
import type { ActionManifest, ActionName, Json } from '../core/index.ts';
import type { Action, ActionTree } from './define-action.ts';
import { UNNAMED } from './govern-activities.ts';
import { fieldExists, isObjectSchema, typeChange } from './input-schema.ts';

/** Every declared action by name, with what the rest of the system knows of it. */
export type ActionRegistry = ReadonlyMap<ActionName, RegisteredAction>;
export interface RegisteredAction {
  readonly action: Action;
  readonly manifest: ActionManifest;
}

const SEGMENT = /^[A-Za-z][A-Za-z0-9_]*$/;
const DEFAULT_TIMEOUT = 60_000;
const LONGEST_TIMEOUT = 12 * 3_600_000;
/** Folders within folders; deeper is a slip, or an object that contains itself. */
const DEEPEST = 16;

/**
 * Reads a tree of actions and checks what each declares; what else a module exports is passed over. Throws `Refusal`
 * `action_invalid`, naming the action, the field and the rule.
 */
export function registerActions(tree: ActionTree): ActionRegistry {
  const registry = new Map<ActionName, RegisteredAction>();
  for (const [path, action] of actionsIn(tree, [])) {
    const name = path.join('.');
    const wrong = path.find((segment) => !SEGMENT.test(segment));
    if (wrong !== undefined) refuse(name, `"${wrong}" is not a letter followed by letters, digits and underscores`);
    if (registry.has(name)) refuse(name, 'two actions have this name');
    if (path[0] === 'holdpoint' || name === 'default') refuse(name, 'the name is reserved');
    registry.set(name, { action, manifest: manifestOf(name, action) });
  }
  return registry;
}

function* actionsIn(member: unknown, path: readonly string[]): Generator<readonly [readonly string[], Action]> {
  if (isAction(member)) yield [path, member];
  else if (isFolder(member) && path.length < DEEPEST)
    for (const [name, inner] of Object.entries(member)) yield* actionsIn(inner, isUnnamed(inner) ? path : [...path, name]);
}

function isAction(member: unknown): member is Action {
  return typeof member === 'object' && member !== null && (member as { readonly kind?: unknown }).kind === 'holdpoint.action';
}

/** Made by `governActivities`. */
function isUnnamed(member: unknown): boolean {
  return typeof member === 'object' && member !== null && UNNAMED in member;
}

/** A plain object or a module; a schema, a client or a list that stands beside the actions is none. */
function isFolder(member: unknown): member is object {
  if (typeof member !== 'object' || member === null) return false;
  const prototype: unknown = Object.getPrototypeOf(member);
  return prototype === null || prototype === Object.prototype;
}

function manifestOf(name: ActionName, action: Action): ActionManifest {
  checkDeclaration(name, action);
  const input = schemaOf(name, 'input', action.input, 'input');
  checkInput(name, action, input);
  return {
    action: name,
    summary: action.summary,
    annotations: { ...action.annotations },
    input,
    output: schemaOf(name, 'output', action.output, 'output'),
    facts: action.facts === undefined ? null : schemaOf(name, 'facts', action.facts, 'output'),
    secrets: [...(action.secrets ?? [])],
    editable: [...(action.editable ?? [])],
    timeout: action.timeout ?? DEFAULT_TIMEOUT,
  };
}

/** Also what the types say already, for those who write JavaScript. */
function checkDeclaration(name: ActionName, action: Action): void {
  const { summary, annotations, timeout = DEFAULT_TIMEOUT, attempts = 1 } = action;
  if (typeof (summary as unknown) !== 'string' || summary.trim() === '') refuse(name, '"summary" is one line for people');
  if (typeof (action.run as unknown) !== 'function') refuse(name, '"run" is a function');
  for (const field of ['readOnly', 'destructive', 'idempotent', 'openWorld'] as const) {
    const stated: unknown = (annotations as Partial<typeof annotations> | undefined)?.[field];
    if (typeof stated !== 'boolean') refuse(name, `"annotations.${field}" is stated as true or false; got ${String(stated)}`);
  }
  if (annotations.readOnly && annotations.destructive) refuse(name, 'an action that only reads cannot be destructive');
  if ((action.facts === undefined) !== (action.resolve === undefined)) refuse(name, '"facts" and "resolve" come together');
  if (!Number.isSafeInteger(timeout) || timeout < 1 || timeout > LONGEST_TIMEOUT) {
    refuse(name, `"timeout" is a whole number of milliseconds from 1 to ${LONGEST_TIMEOUT}; got ${String(timeout)}`);
  }
  if (!Number.isSafeInteger(attempts) || attempts < 1) refuse(name, `"attempts" is a whole number of at least 1; got ${String(attempts)}`);
}

function checkInput(name: ActionName, action: Action, input: Json): void {
  if (!isObjectSchema(input)) refuse(name, '"input" is the schema of one object, whose fields people and policies can name');
  const changed = typeChange(input, parsedSchemaOf(name, action.input));
  if (changed !== null) {
    refuse(
      name,
      `"input" changes the type of "${changed}": callers would send one thing, and policies and approvers see another. Change it within "run"`,
    );
  }
  const { editable = [], secrets = [] } = action as { readonly editable?: readonly string[]; readonly secrets?: readonly string[] };
  for (const field of editable)
    if (!fieldExists(input, [field])) refuse(name, `"editable" names "${field}", which is not a field of the input`);
  for (const path of secrets) {
    const steps = path.split('.');
    if (!fieldExists(input, steps)) refuse(name, `"secrets" names "${path}", which is not in the input`);
    if (steps[0] !== undefined && editable.includes(steps[0])) refuse(name, `"${steps[0]}" holds a secret and cannot be editable`);
  }
}

/** As the caller sends it (`input`), or as it comes out (`output`). */
function schemaOf(name: ActionName, field: string, schema: z.ZodType, io: 'input' | 'output'): Json {
  try {
    return JSON.parse(canonicalOf(z.toJSONSchema(schema, { io }))) as Json;
  } catch (error) {
    refuse(name, `"${field}" cannot be stated as JSON Schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parsedSchemaOf(name: ActionName, schema: z.ZodType): Json {
  try {
    return JSON.parse(canonicalOf(z.toJSONSchema(schema, { io: 'output' }))) as Json;
  } catch {
    refuse(
      name,
      '"input" transforms what callers send, and nobody can say into what. Say it with .pipe(schema), or transform within "run"',
    );
  }
}

function refuse(name: string, rule: string): never {
  throw new Refusal('invalid', 'action_invalid', `Action "${name}": ${rule}.`, { hint: 'Correct what defineAction states.' });
}
