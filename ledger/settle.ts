import { auditText } from '../core/index.ts';
import type { AuditEntry, CallState, Outcome, RunId, StepKey, Token } from '../core/index.ts';
import { detailOf } from './call-row.ts';
import type { Database } from './database.ts';
import { LedgerError } from './database.ts';

/**
 * Locks run and call, whose newest versions it then judges by; the run first, since the call is joined to
 * it. `reserved` of the call stays as a record of its last attempt.
 */
const SETTLE = `
  WITH run AS MATERIALIZED (
    SELECT id, audit_seq, audit_head, holdpoint_now() AS now FROM runs WHERE id = $1 FOR NO KEY UPDATE
  ), call AS MATERIALIZED (
    SELECT calls.key, calls.reserved,
      CASE WHEN calls.token IS DISTINCT FROM $3 THEN 'late' WHEN calls.state = 'claimed' THEN 'settled' ELSE 'already' END AS told
    FROM run JOIN calls ON calls.run = run.id AND calls.key = $2 FOR NO KEY UPDATE OF calls
  ), settled AS (
    UPDATE calls SET state = $4, detail = $5, spend = calls.spend + $6, lease_until = NULL, changed_at = run.now
    FROM run, call WHERE calls.run = run.id AND calls.key = call.key AND call.told = 'settled'
  ), evidence AS (
    UPDATE holds SET evidence = $7 FROM run, call
    WHERE holds.run = run.id AND holds.key = call.key AND holds.kind = 'unknown-outcome' AND holds.state = 'open' AND call.told = 'late'
  ), chain AS MATERIALIZED (
    SELECT a.seq, a.body, a.hash FROM run, call,
      LATERAL holdpoint_audit_rows(run.audit_head, run.audit_seq, run.now, ARRAY[CASE call.told WHEN 'late' THEN $9 ELSE $8 END]) a
    WHERE call.told <> 'already'
  ), logged AS (
    INSERT INTO audit (chain, seq, at, text, hash) SELECT run.id, chain.seq, run.now, chain.body, chain.hash FROM run, chain
  ), counted AS (
    UPDATE runs SET
      audit_seq = chain.seq, audit_head = chain.hash,
      reserved = CASE call.told WHEN 'settled' THEN runs.reserved - call.reserved ELSE runs.reserved END,
      settled = CASE call.told WHEN 'settled' THEN runs.settled + least($6, call.reserved) ELSE runs.settled END,
      overrun = CASE call.told WHEN 'settled' THEN runs.overrun + greatest(0, $6 - call.reserved) ELSE runs.overrun END,
      claimed = CASE call.told WHEN 'settled' THEN runs.claimed - 1 ELSE runs.claimed END,
      steps_used = CASE WHEN call.told = 'settled' AND $4 = 'not-started' THEN runs.steps_used - 1 ELSE runs.steps_used END,
      unfolded = CASE WHEN call.told = 'settled' AND $4 <> 'not-started'
        THEN runs.unfolded || jsonb_build_array(jsonb_build_object('kind', $4, 'at', run.now)) ELSE runs.unfolded END
    FROM run, call, chain WHERE runs.id = run.id
  )
  SELECT told FROM call`;

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
  const [row] = await db.query<{ told: 'settled' | 'already' | 'late' }>(SETTLE, [
    run, key, token, outcome.kind, detailOf(stateAfter(outcome)), spend, JSON.stringify(outcome), auditText(audit),
    auditText({ ...audit, kind: 'call.late-settle' }),
  ]);
  if (row === undefined) throw new LedgerError('ledger_failed', `Run ${run} has no call ${key} to settle.`);
  return row.told;
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
