import type { ChainPlan, ChainStep } from './chain-plan.ts';
import { findReferences, resolveReferences, valueAt } from './chain-reference.ts';
import type { PlacedReference } from './chain-reference.ts';
import { closestWord } from './closest-word.ts';
import type { ActionManifest } from './manifest.ts';
import type { Json } from './names.ts';
import { Refusal } from './refusal.ts';
import { isSecretReference, secretFields } from './secret-reference.ts';

type Schema = { readonly [name: string]: Json };

/**
 * Checks a plan whole before any of it runs: every action is declared, every reference names an earlier step
 * or a given input, no secret field holds a literal, and no required field is left out. Values are checked
 * against their schemas by the gate. Throws `Refusal` `chain_action_unknown`, `chain_reference_unknown`,
 * `chain_reference_later`, `chain_input_invalid` or `secret_literal`, naming step and field.
 */
export function checkChain(plan: ChainPlan, manifests: readonly ActionManifest[]): void {
  const byAction = new Map(manifests.map((manifest) => [manifest.action, manifest]));
  const earlier = new Map<string, ActionManifest>();
  plan.steps.forEach((step, index) => {
    const manifest = byAction.get(step.action);
    if (manifest === undefined) throw unknownAction(step, index, [...byAction.keys()]);
    const field = `steps[${index}].input`;
    for (const placed of findReferences(step.input, field)) checkReference(plan, step, placed, earlier);
    const settled = settleInput(step.input, field, plan.input);
    checkSecrets(step, settled, manifest, field);
    checkFields(step, settled, manifest, field);
    earlier.set(step.id, manifest);
  });
}

/** A step's input with the chain's own put in; null where it waits for what an earlier step gives. */
export function knownInput({ steps, input }: ChainPlan, index: number): Json | null {
  const field = `steps[${index}].input`;
  const step = steps[index];
  if (step === undefined || findReferences(step.input, field).some(({ reference }) => reference.kind === 'output')) return null;
  return settleInput(step.input, field, input);
}

function checkReference(plan: ChainPlan, step: ChainStep, placed: PlacedReference, earlier: ReadonlyMap<string, ActionManifest>): void {
  const { reference } = placed;
  if (reference.kind === 'input') {
    if (valueAt(plan.input, reference.path) === undefined) throw badReference('unknown', step, placed, 'the input has no such value');
    return;
  }
  const manifest = earlier.get(reference.step);
  if (manifest !== undefined) {
    if (!mayHave(manifest.output, reference.path)) throw badReference('unknown', step, placed, `${manifest.action} returns no such value`);
    return;
  }
  const ids = plan.steps.map(({ id }) => id);
  if (reference.step === step.id) throw badReference('later', step, placed, 'a step cannot use its own output');
  if (ids.includes(reference.step)) throw badReference('later', step, placed, `the step "${reference.step}" runs later`);
  const meant = closestWord(reference.step, earlier.keys());
  throw badReference('unknown', step, placed, `there is no step "${reference.step}"${meant === null ? '' : `; did you mean "${meant}"?`}`);
}

function badReference(which: 'later' | 'unknown', step: ChainStep, { field, written }: PlacedReference, why: string): Refusal {
  return new Refusal('invalid', `chain_reference_${which}`, `"${field}" of step "${step.id}": ${written} cannot be used: ${why}.`, {
    hint: 'Refer to the output of a step that stands above, or to the input.',
    data: { step: step.id, field, reference: written },
  });
}

/** The step's input with what is known by now: references to the chain's input replaced, those to outputs left as text. */
function settleInput(value: Json, field: string, input: Json): Json {
  if (typeof value === 'string') {
    const known = findReferences(value, field).every(({ reference }) => reference.kind === 'input');
    return known ? resolveReferences(value, field, { outputs: {}, input }) : value;
  }
  if (Array.isArray(value)) return value.map((item: Json) => settleInput(item, field, input));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, settleInput(item, field, input)]));
}

function checkSecrets(step: ChainStep, settled: Json, manifest: ActionManifest, field: string): void {
  for (const { path, value } of secretFields(settled, manifest.secrets)) {
    if (isSecretReference(value)) continue;
    const at = path === '' ? field : `${field}.${path}`;
    throw new Refusal('invalid', 'secret_literal', `"${at}" of step "${step.id}" is a secret field: it accepts only secret:NAME.`, {
      hint: 'Keep the value in the worker’s secrets, and name it here.',
      data: { step: step.id, field: at },
    });
  }
}

function checkFields(step: ChainStep, settled: Json, manifest: ActionManifest, field: string): void {
  const schema = schemaOf(manifest.input);
  // A text is a reference to an output, whatever that will be.
  if (schema['type'] !== 'object' || (typeof settled === 'string' && settled === step.input && settled.includes('${{'))) return;
  const given = schemaOf(settled);
  if (settled !== given) throw badInput(step, field, 'is a set of named fields');
  const required = Array.isArray(schema['required']) ? (schema['required'] as readonly Json[]).map(String) : [];
  const missing = required.find((name) => !Object.hasOwn(given, name));
  if (missing !== undefined) throw badInput(step, `${field}.${missing}`, `is needed by ${manifest.action}`);
  const properties = Object.keys(schemaOf(schema['properties']));
  const stranger = schema['additionalProperties'] === false ? Object.keys(given).find((name) => !properties.includes(name)) : undefined;
  if (stranger === undefined) return;
  const meant = closestWord(stranger, properties);
  throw badInput(step, `${field}.${stranger}`, `is not a field of ${manifest.action}${meant === null ? '' : `; did you mean "${meant}"?`}`);
}

function badInput(step: ChainStep, field: string, rule: string): Refusal {
  return new Refusal('invalid', 'chain_input_invalid', `"${field}" of step "${step.id}" ${rule}.`, { data: { step: step.id, field } });
}

function unknownAction(step: ChainStep, index: number, actions: readonly string[]): Refusal {
  const meant = closestWord(step.action, actions);
  return new Refusal(
    'invalid',
    'chain_action_unknown',
    `"steps[${index}].action" of step "${step.id}": nothing declares the action "${step.action}".`,
    {
      hint: meant === null ? 'See `holdpoint action list`.' : `Did you mean ${meant}?`,
      data: { step: step.id, field: `steps[${index}].action` },
    },
  );
}

/** False only where the schema says that nothing can stand there. */
function mayHave(schema: Json, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  const at = schemaOf(schema);
  if (name === undefined || at['$ref'] !== undefined || at['anyOf'] !== undefined || at['oneOf'] !== undefined || at['allOf'] !== undefined)
    return true;
  if (at['type'] === 'array') return /^\d+$/.test(name) && mayHave(at['items'] ?? true, rest);
  if (at['type'] === 'object') {
    const properties = schemaOf(at['properties']);
    if (Object.hasOwn(properties, name)) return mayHave(properties[name] ?? true, rest);
    return at['additionalProperties'] !== false;
  }
  return typeof at['type'] !== 'string';
}

function schemaOf(value: Json | undefined): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}
