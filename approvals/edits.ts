import { HOLD_RULES, Refusal, canonical } from '../core/index.ts';
import type { ActionManifest, CanonicalText, Hold, Json } from '../core/index.ts';
import { schemaFaults } from './schema.ts';

export interface EditAsk {
  readonly hold: Hold;
  /** The call's input as the workflow sent it. */
  readonly input: CanonicalText;
  readonly manifest: ActionManifest;
  /** The changed top-level fields. */
  readonly changes: Json;
}

type Fields = { readonly [field: string]: Json };

/**
 * Checks an approver's changes and gives the text to store beside the original digest: all fields that
 * differ from what the workflow sent, those of an earlier edit included. Whether the edited call is
 * permitted is judged by the gate, which merges them and asks the policies again.
 * Throws `Refusal` `edit_not_allowed` (field) or `edit_invalid` (value).
 */
export function checkEdit({ hold, input, manifest, changes }: EditAsk): CanonicalText {
  if (HOLD_RULES[hold.kind].concerns !== 'call' || hold.kind !== 'approval') {
    throw notAllowed(`Only an approval hold can be edited; hold ${hold.id} is of kind ${hold.kind}.`, []);
  }
  const sent: unknown = JSON.parse(input);
  if (!isFields(sent)) throw notAllowed(`The input of "${manifest.action}" has no fields that could be changed.`, []);
  if (!isFields(changes) || Object.keys(changes).length === 0) {
    throw invalid(`An edit is an object with at least one changed field; got ${shorten(changes)}.`);
  }
  // Before anything is merged: `canonical` refuses `__proto__` and what JSON cannot say.
  canonical(changes);
  const allowed = editableFields(hold, manifest);
  for (const field of Object.keys(changes)) {
    if (!allowed.includes(field)) throw notAllowed(whyNot(field, hold, manifest), allowed);
  }
  const before = hold.edit === null ? {} : (JSON.parse(hold.edit.changes) as Fields);
  const shown = { ...sent, ...before };
  const all = { ...before, ...changes };
  const merged = { ...sent, ...all };
  if (canonical(merged) === canonical(shown)) throw invalid('The edit changes nothing: every field already has the value that it states.');
  const faults = schemaFaults(manifest.action, manifest.input, merged);
  if (faults.length > 0)
    throw invalid(`The edited input does not satisfy "${manifest.action}": ${faults.join('; ')}. Changed: ${shorten(changes)}.`);
  return canonical(all);
}

/** Fields that an approver of this hold may change: declared by the action, allowed by every policy that asks, never secret. */
export function editableFields(hold: Hold, manifest: ActionManifest): readonly string[] {
  if (hold.requires.length === 0) return [];
  return manifest.editable.filter((field) => !isSecret(field, manifest) && hold.requires.every(({ edits }) => edits.includes(field)));
}

/**
 * Checks the result that an operator vouches for against the action's declared output. Throws `Refusal`
 * `result_invalid`.
 */
export function checkResult(manifest: ActionManifest, result: Json): void {
  canonical(result);
  const faults = schemaFaults(manifest.action, manifest.output, result);
  if (faults.length === 0) return;
  throw new Refusal('invalid', 'result_invalid', `The result does not satisfy the output of "${manifest.action}": ${faults.join('; ')}.`, {
    hint: 'State the result as the action would have returned it, or leave it out: the workflow then gets no result.',
    data: { action: manifest.action, faults },
  });
}

function whyNot(field: string, hold: Hold, manifest: ActionManifest): string {
  const name = JSON.stringify(field);
  if (isSecret(field, manifest)) return `Field ${name} of "${manifest.action}" holds a secret, which cannot be edited.`;
  if (!manifest.editable.includes(field)) return `Action "${manifest.action}" does not declare field ${name} editable.`;
  const policy = hold.requires.find(({ edits }) => !edits.includes(field))?.policy;
  return `Policy "${policy ?? 'none'}" does not list field ${name} under @edits.`;
}

function isSecret(field: string, manifest: ActionManifest): boolean {
  return manifest.secrets.some((path) => path === field || path.startsWith(`${field}.`) || path === '*' || path.startsWith('*.'));
}

function notAllowed(message: string, allowed: readonly string[]): Refusal {
  const hint = allowed.length === 0 ? 'Approve or deny it as it is.' : `Fields that can be changed here: ${allowed.join(', ')}.`;
  return new Refusal('refused', 'edit_not_allowed', message, { hint, data: { editable: allowed } });
}

function invalid(message: string): Refusal {
  return new Refusal('invalid', 'edit_invalid', message, { hint: 'Change only the fields that shall differ, as a JSON object.' });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shorten(value: Json): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
