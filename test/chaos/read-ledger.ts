import { openPostgres } from '../../ledger/index.ts';
import type { Evidence, LedgerCall, LedgerHold, LedgerRun } from './oracle.ts';

const RUNS = `SELECT id, closed, fenced_at AS "fencedAt", steps_used AS "stepsUsed", steps_limit AS "stepsLimit", spend_limit AS "spendLimit",
  settled, reserved, overrun, claimed, open_holds AS "openHolds", audit_seq AS "auditSeq", audit_head AS "auditHead" FROM runs`;
const CALLS = 'SELECT run, key, state, reserved, spend FROM calls';
const HOLDS = 'SELECT id, run, state FROM holds';
const AUDIT = `SELECT chain, seq, at, text, hash FROM audit WHERE chain <> 'installation' ORDER BY chain, seq`;

/** What the ledger says, while nobody writes to it. */
export async function readLedger(url: string): Promise<Pick<Evidence, 'runs' | 'calls' | 'holds' | 'audit'>> {
  const db = await openPostgres({ url, poolSize: 1 });
  try {
    type Rows<T> = T & { readonly [column: string]: unknown };
    const runs = await db.query<Rows<LedgerRun>>(RUNS);
    const calls = await db.query<Rows<LedgerCall>>(CALLS);
    const holds = await db.query<Rows<LedgerHold>>(HOLDS);
    const audit = await db.query<Rows<Evidence['audit'][number]>>(AUDIT);
    return { runs, calls, holds, audit };
  } finally {
    await db.close();
  }
}
