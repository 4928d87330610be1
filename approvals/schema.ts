import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { Refusal } from '../core/index.ts';
import type { ActionName, Json } from '../core/index.ts';

/** What is wrong with a value by an action's published schema, one line a fault; empty = nothing. At most five. */
export function schemaFaults(action: ActionName, schema: Json, value: Json): readonly string[] {
  return schemaChecker(action, schema)(value);
}

/** The same for many values of one action. Throws `Refusal` `manifest_unusable`. */
export function schemaChecker(action: ActionName, schema: Json): (value: Json) => readonly string[] {
  const validate = compile(action, schema);
  return (value) => (validate(value) ? [] : (validate.errors ?? []).slice(0, 5).map(faultText));
}

/** A new Ajv each time, since one keeps every schema that it ever saw; decisions with changes are rare. */
function compile(action: ActionName, schema: Json): ValidateFunction {
  try {
    // Formats are annotations in JSON Schema 2020-12; the gate's own schema checks them again before the effect.
    const ajv = new Ajv2020({ strict: false, validateSchema: false, validateFormats: false, allErrors: true, logger: false });
    return ajv.compile(schema as boolean | { readonly [key: string]: Json });
  } catch (cause) {
    throw new Refusal('failed', 'manifest_unusable', `The published schema of "${action}" cannot be used to check a value.`, {
      hint: 'Decide without changes or a result, and publish the action with a schema of JSON Schema 2020-12.',
      data: { action },
      cause,
    });
  }
}

function faultText(error: ErrorObject): string {
  const place = error.instancePath === '' ? 'the value' : `"${error.instancePath.slice(1).replaceAll('/', '.')}"`;
  const extra = error.keyword === 'additionalProperties' ? ` (${JSON.stringify(error.params['additionalProperty'])})` : '';
  return `${place} ${error.message ?? 'is not allowed'}${extra}`;
}
