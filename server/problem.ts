import { Refusal } from '../core/index.ts';
import type { Problem, RefusalKind } from '../core/index.ts';
import { LedgerError } from '../ledger/index.ts';
import type { LedgerErrorCode } from '../ledger/index.ts';

const STATUS: Readonly<Record<RefusalKind, number>> = {
  invalid: 400,
  not_found: 404,
  refused: 403,
  conflict: 409,
  unreachable: 503,
  failed: 500,
};
/** Codes whose status says more than their kind's. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  token_missing: 401,
  token_unknown: 401,
  method_not_allowed: 405,
  payload_too_large: 413,
  media_type_unsupported: 415,
  host_not_allowed: 421,
};
const TITLES: Readonly<Record<RefusalKind, string>> = {
  invalid: 'Invalid request',
  not_found: 'Not found',
  refused: 'Refused',
  conflict: 'Conflict',
  unreachable: 'Unreachable',
  failed: 'Failed',
};

const LEDGER: Readonly<Record<LedgerErrorCode, readonly [RefusalKind, string, string]>> = {
  ledger_away: [
    'unreachable',
    'The ledger (database) cannot be reached.',
    'Check the database; nothing is claimed or decided without it. Then try again.',
  ],
  ledger_busy: ['unreachable', 'The ledger is busy with the same run.', 'Try again in a few seconds; nothing was written.'],
  ledger_newer: ['unreachable', 'The ledger was written by a later release of Holdpoint.', 'Upgrade this installation.'],
  invariant_broken: [
    'failed',
    'The ledger refused to break one of its invariants; nothing was written.',
    'This is a bug: please report it with the audit rows of the run.',
  ],
  ledger_failed: ['failed', 'The ledger refused the request.', "See the server's log."],
};

/** Any error as a problem document. What nobody foresaw says nothing of its inside; it is for the log. */
export function toProblem(error: unknown): Problem {
  const refusal = toRefusal(error);
  return {
    type: `urn:holdpoint:problem:${refusal.code}`,
    title: TITLES[refusal.kind],
    status: STATUS_OF_CODE[refusal.code] ?? STATUS[refusal.kind],
    code: refusal.code,
    detail: refusal.message,
    hint: refusal.hint ?? null,
    data: refusal.data,
  };
}

/** Whether the operator of the server should hear of it. */
export function isUnforeseen(error: unknown): boolean {
  return !(error instanceof Refusal);
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof LedgerError) {
    const [kind, message, hint] = LEDGER[error.code];
    return new Refusal(kind, error.code, message, { hint });
  }
  return new Refusal('failed', 'internal_error', 'The server failed to answer.', { hint: "See the server's log." });
}
