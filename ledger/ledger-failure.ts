import { LedgerError } from './database.ts';

/** SQLSTATE of the ledger's own guards: a table that only grows, a state that is written once, a role beyond its part. */
const GUARD = /^HP\d{3}$/;
const CONNECTION_LOST = /^(?:08...|57P0[1235]|53300|25P03|25P04)$/;
const SOCKET_LOST = /terminated|not queryable|timeout expired|read timeout|after calling end|is closed|closed before|socket/i;

/** SQLSTATE of what a driver threw, or '' where the database said nothing. */
function sqlState(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in (error as object) ? code : '';
}

/** Deadlock and serialisation failure: nothing was written, and trying again helps. */
export function isTransient(error: unknown): boolean {
  const state = sqlState(error instanceof LedgerError ? error.cause : error);
  return state === '40P01' || state === '40001';
}

/** A driver's error as the ledger's own. The database's `detail` is left out: it quotes rows. */
export function ledgerFailure(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const state = sqlState(error);
  const cause = withoutRows(error);
  if (state === '55P03') return new LedgerError('ledger_busy', 'A lock in the ledger was not had within 2 s.', cause);
  if (state === '40P01' || state === '40001') return new LedgerError('ledger_busy', `The ledger is contended: ${message}.`, cause);
  if (state.startsWith('23') || GUARD.test(state))
    return new LedgerError('invariant_broken', `The ledger refused a write: ${message}.`, cause);
  if (CONNECTION_LOST.test(state)) return new LedgerError('ledger_away', `The ledger closed the connection: ${message}.`, cause);
  if (state !== '') return new LedgerError('ledger_failed', `The ledger refused a statement (${state}): ${message}.`, cause);
  if (/timeout exceeded when trying to connect/.test(message)) {
    return new LedgerError('ledger_busy', 'Every connection to the ledger is in use.', cause);
  }
  const socket = typeof error === 'object' && error !== null && 'code' in error && /^E[A-Z_]+$/.test(String(error.code));
  if (socket || SOCKET_LOST.test(message))
    return new LedgerError('ledger_away', `The ledger cannot be reached: ${message || 'no connection'}.`, cause);
  return new LedgerError('ledger_failed', `The ledger failed: ${message}.`, cause);
}

function withoutRows(error: unknown): unknown {
  if (error instanceof Error) {
    for (const field of ['detail', 'where', 'internalQuery', 'query', 'params']) {
      if (field in error) delete (error as unknown as Record<string, unknown>)[field];
    }
  }
  return error;
}
