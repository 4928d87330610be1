import { z } from 'zod';
import { canonicalOf, Refusal } from '../core/index.ts';
import type { ActionManifest, ActionName, Json } from '../core/index.ts';
import type { Action, ActionTree } from './define-action.ts';

/** Every declared action by name, with what the rest of the system knows of it. */
export type ActionRegistry = ReadonlyMap<ActionName, RegisteredAction>;
export interface RegisteredAction {
  readonly action: Action;
  readonly manifest: ActionManifest;
}

const SEGMENT = /^[A-Za-z][A-Za-z0-9_]*$/;
const DEFAULT_TIMEOUT = 60_000;
const LONGEST_TIMEOUT = 12 * 3_600_000;

/**
 * Reads a tree of actions and checks what each declares. Throws `Refusal` `action_invalid`, naming the
 * action, the field and the rule.
 */
export function registerActions(tree: ActionTree): ActionRegistry {
  const registry = new Map<ActionName, RegisteredAction>();
  for (const [name, action] of flatten(tree, [])) registry.set(name, { action, manifest: manifestOf(name, action) });
  return registry;
}

function* flatten(tree: ActionTree, path: readonly string[]): Generator<readonly [ActionName, Action]> {
  for (const [segment, member] of Object.entries(tree)) {
    const name = [...path, segment].join('.');
    if (typeof member !== 'object' || member === null) continue;
    if (!SEGMENT.test(segment)) refuse(name, `"${segment}" is not a letter followed by letters, digits and underscores`);
    if (name === 'holdpoint' || name === 'default') refuse(name, 'the name is reserved');
    if (isAction(member)) yield [name, member];
    else yield* flatten(member as ActionTree, [...path, segment]);
  }
}

function isAction(member: ActionTree[string]): member is Action {
  return member.kind === 'holdpoint.action';
}

function manifestOf(name: ActionName, action: Action): ActionManifest {
  const { annotations } = action;
  for (const field of ['readOnly', 'destructive', 'idempotent', 'openWorld'] as const) {
    if (typeof annotations[field] !== 'boolean') refuse(name, `"annotations.${field}" is stated as true or false; got ${String(annotations[field])}`);
  }
  if (annotations.readOnly && annotations.destructive) refuse(name, 'an action that only reads cannot be destructive');
  if ((action.facts === undefined) !== (action.resolve === undefined)) refuse(name, '"facts" and "resolve" come together');
  const timeout = action.timeout ?? DEFAULT_TIMEOUT;
  if (!Number.isSafeInteger(timeout) || timeout < 1 || timeout > LONGEST_TIMEOUT) {
    refuse(name, `"timeout" is a whole number of milliseconds from 1 to ${LONGEST_TIMEOUT}; got ${String(timeout)}`);
  }
  const attempts = action.attempts ?? 1;
  if (!Number.isSafeInteger(attempts) || attempts < 1) refuse(name, `"attempts" is a whole number of at least 1; got ${String(attempts)}`);
  const input = schemaOf(name, 'input', action.input, 'input');
  const fields = Object.keys(isObject(input) && isObject(input['properties']) ? input['properties'] : {});
  const editable: readonly string[] = action.editable ?? [];
  const secrets = action.secrets ?? [];
  for (const field of editable) if (!fields.includes(field)) refuse(name, `"editable" names "${field}", which is not a field of the input`);
  for (const path of secrets) {
    const field = path.split('.')[0] ?? '';
    if (!fields.includes(field)) refuse(name, `"secrets" names "${path}", which is not in the input`);
    if (editable.includes(field)) refuse(name, `"${field}" holds a secret and cannot be editable`);
  }
  return {
    action: name,
    summary: action.summary,
    annotations: { ...annotations },
    input,
    output: schemaOf(name, 'output', action.output, 'output'),
    facts: action.facts === undefined ? null : schemaOf(name, 'facts', action.facts, 'output'),
    secrets: [...secrets],
    editable: [...editable],
    timeout,
  };
}

/** As the caller sends it (`input`), or as it comes out (`output`). */
function schemaOf(name: ActionName, field: string, schema: z.ZodType, io: 'input' | 'output'): Json {
  try {
    return JSON.parse(canonicalOf(z.toJSONSchema(schema, { io }))) as Json;
  } catch (error) {
    refuse(name, `"${field}" cannot be stated as JSON Schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(name: string, rule: string): never {
  throw new Refusal('invalid', 'action_invalid', `Action "${name}": ${rule}.`, { hint: 'Correct what defineAction states.' });
}
