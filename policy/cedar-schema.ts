import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import { Refusal } from '../core/index.ts';
import type { ActionManifest, ActionName, Json } from '../core/index.ts';
import { cedarType } from './cedar-type.ts';
import type { Attribute, CedarType, RecordType } from './cedar-type.ts';

/** A part of an action's input or facts that policies cannot see, since Cedar has no type for it. */
export interface Unrepresented {
  readonly action: ActionName;
  /** From the context on: `input.prices.*`, `facts.size`. */
  readonly path: string;
  readonly why: string;
}

/** One action as policies see it. */
export interface ActionShape {
  readonly manifest: ActionManifest;
  readonly context: RecordType;
  readonly unrepresented: readonly Unrepresented[];
}

const TEXT: Attribute = { type: 'String', required: true };
const TEXTS: Attribute = { type: 'Set', element: { type: 'String' }, required: true };
const FLAG: Attribute = { type: 'Boolean', required: true };

/** Of every call: who asked for the run, and the action's four annotations. */
const RUN: RecordType = { type: 'Record', attributes: { workflow: TEXT, requesters: TEXTS, labels: TEXTS } };
const ACTION: RecordType = { type: 'Record', attributes: { readOnly: FLAG, destructive: FLAG, idempotent: FLAG, openWorld: FLAG } };

/** The shapes by action. Throws `Refusal` `action_duplicate` or `policy_no_actions`. */
export function actionShapes(manifests: readonly ActionManifest[]): ReadonlyMap<ActionName, ActionShape> {
  if (manifests.length === 0) {
    throw new Refusal('invalid', 'policy_no_actions', 'No action is declared, so there is nothing that a policy could concern.', {
      hint: 'Declare at least one action before loading policies.',
    });
  }
  const shapes = new Map<ActionName, ActionShape>();
  for (const manifest of manifests.toSorted((a, b) => (a.action < b.action ? -1 : 1))) {
    if (shapes.has(manifest.action)) {
      throw new Refusal('invalid', 'action_duplicate', `The action "${manifest.action}" is declared twice.`, {
        hint: 'Give every action its own name.',
      });
    }
    shapes.set(manifest.action, shapeOf(manifest));
  }
  return shapes;
}

function shapeOf(manifest: ActionManifest): ActionShape {
  const input = cedarType(manifest.input, 'input');
  const facts = manifest.facts === null ? { type: null, leftOut: [] } : cedarType(manifest.facts, 'facts');
  const attributes: Record<string, Attribute> = { run: require(RUN), action: require(ACTION) };
  if (input.type !== null) attributes['input'] = require(input.type);
  if (facts.type !== null) attributes['facts'] = require(facts.type);
  return {
    manifest,
    context: { type: 'Record', attributes },
    unrepresented: [...input.leftOut, ...facts.leftOut].map((left) => ({ action: manifest.action, ...left })),
  };
}

/**
 * The Cedar schema of all actions: principals are `Agent::"NAME"`, actions `Action::"git.push"`, and the resource is
 * the action's own target, `Target::"git.push"`: what a call touches stands in `context.input` and `context.facts`.
 */
export function cedarSchema(shapes: ReadonlyMap<ActionName, ActionShape>): SchemaJson<string> {
  const actions = Object.fromEntries(
    [...shapes].map(([name, { context }]) => [
      name,
      { appliesTo: { principalTypes: ['Agent'], resourceTypes: ['Target'], context: context } },
    ]),
  );
  return { '': { entityTypes: { Agent: {}, Target: { enum: [...shapes.keys()] } }, actions } };
}

/** Top-level members of a value that its schema does not name although it names all; they are slips in examples. */
export function undeclaredMembers(value: Json, schema: Json | null, path: string): readonly string[] {
  if (!isObject(value) || !isObject(schema) || !isObject(schema['properties'])) return [];
  const others = schema['additionalProperties'];
  if (others !== undefined && others !== false) return [];
  const declared = Object.keys(schema['properties']);
  return Object.keys(value)
    .filter((name) => !declared.includes(name))
    .map((name) => `${path}.${name}`);
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function require(type: CedarType): Attribute {
  return { ...type, required: true };
}
