import { Refusal } from '../core/index.ts';
import { LedgerError } from '../ledger/index.ts';

/**
 * Awaits a verb of the ledger for a person: a ledger that is away or busy becomes `Refusal`
 * `ledger_away` or `ledger_busy` (unreachable); every other error stays what it is.
 */
export async function fromLedger<T>(verb: Promise<T>): Promise<T> {
  try {
    return await verb;
  } catch (error) {
    if (!(error instanceof LedgerError) || (error.code !== 'ledger_away' && error.code !== 'ledger_busy')) throw error;
    throw new Refusal('unreachable', error.code, error.message, {
      hint:
        error.code === 'ledger_away'
          ? 'Check that the database runs, then repeat the command: it is safe to repeat.'
          : 'Repeat the command in a moment.',
      cause: error,
    });
  }
}
