import type { ApplicationFailure } from '@temporalio/common';
import type { LedgerError } from '../../ledger/index.ts';
import type { ActionLog } from '../define-action.ts';
import { deniedFailure, laterFailure } from './failures.ts';

/** How long a workflow sleeps when the ledger is away or contended, in milliseconds. */
export const LEDGER_AWAY = 2_000;
/** How long it sleeps when the ledger answers and refuses, which only an operator mends. */
export const LEDGER_REFUSES = 30_000;

/**
 * What a workflow is told when the ledger did not do what the gate asked: nothing passes, and no step is used.
 * - away or busy: come again soon.
 * - `ledger_failed`, `ledger_newer` (a missing privilege or table, a full disk, a later release): come again, since an
 *   operator can mend it and the run need not die of it; the worker's log and the workflow's history say why.
 * - `invariant_broken`, or data that the ledger cannot hold: refused, since asking again would change nothing.
 */
export function ledgerTrouble(error: LedgerError, log: ActionLog): ApplicationFailure {
  if (error.code === 'ledger_away' || error.code === 'ledger_busy') return laterFailure(LEDGER_AWAY, 'the ledger is away');
  log.warn('the ledger refused what the gate asked', { code: error.code, error: error.message });
  if (error.code === 'invariant_broken' || isAboutData(error)) {
    const message = `The ledger refused what the gate decided: ${error.message}`;
    return deniedFailure({ code: 'invariant_broken', message, policies: [], by: null, askAgain: false });
  }
  return laterFailure(LEDGER_REFUSES, `the ledger refuses: ${error.message}`);
}

/** SQLSTATE classes 22 (a value that has no place in its column) and 54 (larger than a limit). */
function isAboutData({ cause }: LedgerError): boolean {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' && /^(?:22|54)[0-9A-Z]{3}$/.test(code);
}
