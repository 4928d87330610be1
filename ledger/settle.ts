import { auditText } from '../core/index.ts';
import type { AuditEntry, CallState, Instant, Outcome, RunId, StepKey, Token } from '../core/index.ts';
import { appendAudit } from './audit-rows.ts';
import { detailOf } from './call-row.ts';
import type { Database } from './database.ts';
import { LedgerError } from './database.ts';
import { STILL_OPEN } from './hold-row.ts';
import { inTurn } from './in-turn.ts';
import { lockRun } from './lock-run.ts';

/**
 * The run's lock first; then the call, if this attempt is the current one; then the run's sums and chain by
 * the newest version of its row. `reserved` of the call stays as a record of its last attempt.
 */
const SETTLE = `
  WITH run AS MATERIALIZED (
    SELECT audit_seq, audit_head, holdpoint_now() AS now FROM runs WHERE id = $1 FOR NO KEY UPDATE
  ), call AS (
    UPDATE calls SET state = $4, detail = $5, spend = calls.spend + $6, lease_until = NULL, changed_at = run.now
    FROM run WHERE calls.run = $1 AND calls.key = $2 AND calls.token = $3 AND calls.state = 'claimed'
    RETURNING calls.reserved, run.now, run.audit_seq + 1 AS seq, holdpoint_audit_hash(run.audit_head, run.audit_seq + 1, run.now, $7) AS hash
  ), logged AS (
    INSERT INTO audit (chain, seq, at, text, hash) SELECT $1, seq, now, $7, hash FROM call
  )
  UPDATE runs SET
    audit_seq = call.seq, audit_head = call.hash, claimed = runs.claimed - 1, reserved = runs.reserved - call.reserved,
    settled = runs.settled + least($6, call.reserved), overrun = runs.overrun + greatest(0, $6 - call.reserved),
    steps_used = CASE $4 WHEN 'not-started' THEN runs.steps_used - 1 ELSE runs.steps_used END,
    unfolded = CASE $4 WHEN 'not-started' THEN runs.unfolded
      ELSE runs.unfolded || jsonb_build_array(jsonb_build_object('kind', $4, 'at', call.now)) END
  FROM call WHERE runs.id = $1
  RETURNING 1`;
const READ = 'SELECT holdpoint_now() AS now, token FROM calls WHERE run = $1 AND key = $2';
const EVIDENCE = `UPDATE holds SET evidence = $3 WHERE run = $1 AND key = $2 AND kind = 'unknown-outcome' AND ${STILL_OPEN}`;

/**
 * Records how an attempt ended, in one round trip. Only the current attempt's token settles. `late` =
 * another attempt, or a person's question, has taken its place: the outcome is kept as evidence on the
 * open unknown-outcome hold, and nothing else changes. Throws `LedgerError`; after `ledger_away` tell it again.
 */
export async function settle(
  db: Database,
  run: RunId,
  key: StepKey,
  token: Token,
  outcome: Outcome,
  audit: AuditEntry,
): Promise<'settled' | 'already' | 'late'> {
  const spend = outcome.kind === 'not-started' ? 0 : outcome.spend;
  const parameters = [run, key, token, outcome.kind, detailOf(stateAfter(outcome)), spend, auditText(audit)];
  const settled = await inTurn(db, run, () => db.query(SETTLE, parameters));
  return settled.length > 0 ? 'settled' : await settleLate(db, run, key, token, outcome, audit);
}

async function settleLate(
  db: Database,
  run: RunId,
  key: StepKey,
  token: Token,
  outcome: Outcome,
  audit: AuditEntry,
): Promise<'already' | 'late'> {
  return await db.transaction(async (tx) => {
    const [, [call]] = await Promise.all([lockRun(tx, run), tx.query<{ now: Instant; token: Token | null }>(READ, [run, key])]);
    if (call === undefined) throw new LedgerError('ledger_failed', `Run ${run} has no call ${key} to settle.`);
    if (call.token === token) return 'already';
    void tx.query(EVIDENCE, [run, key, JSON.stringify(outcome)]);
    appendAudit(tx, run, call.now, [{ ...audit, kind: 'call.late-settle' }]);
    return 'late';
  });
}

function stateAfter(outcome: Outcome): CallState {
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'succeeded', result: outcome.result };
    case 'failed':
    case 'unknown':
      return { kind: outcome.kind, error: outcome.error };
    case 'not-started':
      return { kind: 'not-started' };
  }
}
