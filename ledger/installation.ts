import { auditText } from '../core/index.ts';
import type { AuditEntry } from '../core/index.ts';
import { INSTALLATION_CHAIN } from './audit-rows.ts';
import type { Database, Queryable } from './database.ts';

export interface Installation {
  /** Drawn when the ledger was made. */
  readonly id: string;
  /** Temporal's own id of the namespace that this ledger belongs to; null until it is bound. */
  readonly temporalNamespaceId: string | null;
  /** Hash of the policy set that was published last. */
  readonly policySet: string | null;
}

const READ = `SELECT id, temporal_namespace_id AS "temporalNamespaceId", policy_set AS "policySet" FROM installation`;
const BIND = `
  UPDATE installation SET temporal_namespace_id = coalesce(temporal_namespace_id, $1)
  RETURNING temporal_namespace_id = $1 AS matches`;
const POLICY_SET = `INSERT INTO policy_sets (hash, body, published_at) VALUES ($1, $2, holdpoint_now()) ON CONFLICT (hash) DO NOTHING`;
const USE_POLICY_SET = `
  WITH before AS MATERIALIZED (SELECT policy_set FROM installation FOR NO KEY UPDATE)
  UPDATE installation SET policy_set = $1 FROM before WHERE before.policy_set IS DISTINCT FROM $1
  RETURNING before.policy_set AS previous`;
/** The row's lock comes first, and its newest version goes into the chain. */
const APPEND = `
  WITH head AS MATERIALIZED (SELECT audit_seq, audit_head FROM installation FOR NO KEY UPDATE),
  clock AS MATERIALIZED (SELECT holdpoint_now() AS now FROM head),
  chain AS MATERIALIZED (SELECT a.seq, a.body, a.hash FROM head, clock, LATERAL holdpoint_audit_rows(audit_head, audit_seq, now, ARRAY[$1::text]) a),
  logged AS (INSERT INTO audit (chain, seq, at, text, hash) SELECT '${INSTALLATION_CHAIN}', seq, now, body, hash FROM chain, clock)
  UPDATE installation SET audit_seq = chain.seq, audit_head = chain.hash FROM chain`;

export async function readInstallation(db: Database): Promise<Installation> {
  const [row] = await db.query<Installation & { readonly [column: string]: unknown }>(READ);
  if (row === undefined) throw new Error('The ledger has lost its row of the installation.');
  return row;
}

/** Whether the ledger belongs to this Temporal namespace; the first that asks takes it. */
export async function bindNamespace(db: Database, namespaceId: string): Promise<boolean> {
  const [row] = await db.query<{ matches: boolean }>(BIND, [namespaceId]);
  return row?.matches === true;
}

/** Keeps a policy set's text, and records that it rules from now on; a set that rules already changes nothing. */
export async function publishPolicySet(db: Database, set: { readonly hash: string; readonly text: string }): Promise<void> {
  await db.transaction(async (tx) => {
    const [, changed] = await Promise.all([
      tx.query(POLICY_SET, [set.hash, set.text]),
      tx.query<{ previous: string | null }>(USE_POLICY_SET, [set.hash]),
    ]);
    const [change] = changed;
    if (change !== undefined) recordForInstallation(tx, { kind: 'policies.changed', body: { from: change.previous, to: set.hash } });
  });
}

/** The text of a policy set that ruled once; null = unknown. */
export async function findPolicySet(db: Database, hash: string): Promise<string | null> {
  const [row] = await db.query<{ body: string }>('SELECT body FROM policy_sets WHERE hash = $1', [hash]);
  return row?.body ?? null;
}

/** Adds a row to the chain that concerns no single run. */
export async function appendInstallationAudit(db: Database, entry: AuditEntry): Promise<void> {
  await db.query(APPEND, [auditText(entry)]);
}

/** Sends such a row with a transaction. */
export function recordForInstallation(tx: Queryable, entry: AuditEntry): void {
  void tx.query(APPEND, [auditText(entry)]);
}
