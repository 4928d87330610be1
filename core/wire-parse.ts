import { DENIAL_CODES } from './policy-ruling.ts';
import { MODES } from './run.ts';
import { isPath, isStepKey, pathOf } from './step-key.ts';
import { EDITED_KEY } from './wire.ts';
import type { CallHeader, DeniedBody, EditedResult, FailedBody, HoldBody, LaterBody, RefusedBody, RunHeader, Wake } from './wire.ts';

/**
 * Readers of what crosses the wire, written by hand because the sandbox has no zod. Each gives null for
 * what it cannot read, and leaves out members that it does not know, so that a newer side may add some.
 */

export function parseRunHeader(value: unknown): RunHeader | null {
  const { v, run, path, next, queues, ungoverned, mode = 'enforce' } = members(value);
  if (v !== 1 || !isName(run) || typeof path !== 'string' || !isPath(path)) return null;
  if (!Number.isSafeInteger(next) || (next as number) < 1) return null;
  if (!Array.isArray(queues) || !queues.every(isName)) return null;
  if (!Array.isArray(ungoverned) || !ungoverned.every(isName)) return null;
  const known = MODES.find((one) => one === mode);
  return known === undefined ? null : { v, run, path, next: next as number, queues, ungoverned, mode: known };
}

export function parseCallHeader(value: unknown): CallHeader | null {
  const { v, run, path, key } = members(value);
  if (v !== 1 || !isName(run) || typeof path !== 'string' || typeof key !== 'string' || !isStepKey(key) || pathOf(key) !== path)
    return null;
  return { v, run, path, key };
}

export function parseWake(value: unknown): Wake | null {
  const { key } = members(value);
  return key === null || (typeof key === 'string' && isStepKey(key)) ? { key } : null;
}

export function parseHoldBody(value: unknown): HoldBody | null {
  const { hold, kind, reason, askAgainAfter } = members(value);
  if (!isName(hold) || typeof kind !== 'string' || typeof reason !== 'string' || !isMillis(askAgainAfter)) return null;
  return { hold, kind, reason, askAgainAfter };
}

export function parseLaterBody(value: unknown): LaterBody | null {
  const { after, reason } = members(value);
  return isMillis(after) && typeof reason === 'string' ? { after, reason } : null;
}

export function parseDeniedBody(value: unknown): DeniedBody | null {
  const { code, message, policies, by, askAgain } = members(value);
  const known = DENIAL_CODES.find((one) => one === code);
  if (known === undefined || typeof message !== 'string' || typeof askAgain !== 'boolean') return null;
  if (!(by === null || typeof by === 'string') || !Array.isArray(policies) || !policies.every(isName)) return null;
  return { code: known, message, policies, by, askAgain };
}

export function parseFailedBody(value: unknown): FailedBody | null {
  const { action, message } = members(value);
  return typeof action === 'string' && typeof message === 'string' ? { action, message } : null;
}

export function parseRefusedBody(value: unknown): RefusedBody | null {
  const { code, message } = members(value);
  return isName(code) && typeof message === 'string' ? { code, message } : null;
}

/** Null for a result that was not wrapped. */
export function parseEditedResult(value: unknown): EditedResult | null {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, EDITED_KEY)) return null;
  const { [EDITED_KEY]: edit, result } = members(value);
  if (edit === null) return { [EDITED_KEY]: null, result };
  const { key, by, changes } = members(edit);
  if (typeof key !== 'string' || !isStepKey(key) || typeof by !== 'string') return null;
  return { [EDITED_KEY]: { key, by, changes }, result };
}

function members(value: unknown): { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null ? (value as { readonly [name: string]: unknown }) : {};
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isMillis(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
