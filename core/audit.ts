import { canonical } from './canonical.ts';
import type { CanonicalText, Json } from './names.ts';

/** What one audit row says: a dotted kind (`call.claimed`, `hold.granted`) and its particulars. */
export interface AuditEntry {
  readonly kind: string;
  readonly body: { readonly [key: string]: Json };
}

/**
 * The text that a chain's hash covers, beside the row's sequence number and instant, which the ledger
 * adds: `hash = sha256(previous hash \n sequence \n instant \n text)`, in lower-case hex, as one SQL
 * function computes it. The first row's previous hash is the empty text.
 */
export function auditText(entry: AuditEntry): CanonicalText {
  // Not flattened: a body with a member named `kind` would hide the entry's own.
  return canonical({ kind: entry.kind, body: entry.body });
}

/** One row of a chain, as the ledger stores it. */
export interface AuditRow {
  readonly seq: number;
  readonly at: number;
  readonly text: string;
  readonly hash: string;
}

/** What `auditText` and its neighbours are hashed as. */
export function auditPreimage(previous: string, row: Pick<AuditRow, 'seq' | 'at' | 'text'>): string {
  return `${previous}\n${row.seq}\n${row.at}\n${row.text}`;
}
