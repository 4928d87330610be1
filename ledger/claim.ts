import { auditText } from '../core/index.ts';
import type { Call, CallRequest, Decided, Facts, Hold, RunId, Unfolded, Verdict } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import { CALL_COLUMNS, callFromRow, detailOf } from './call-row.ts';
import type { CallRow } from './call-row.ts';
import type { Database, Queryable } from './database.ts';
import { HOLD_COLUMNS, holdFromRow, STILL_OPEN } from './hold-row.ts';
import type { HoldRow } from './hold-row.ts';
import { lockRun } from './lock-run.ts';
import type { LockedRun } from './lock-run.ts';
import { runFromRow } from './run-row.ts';
import { closeHold, openHold } from './write-hold.ts';

/** `json_agg` gives numbers as JSON numbers, all of which are safe integers here. */
const READ_FACTS = `
  SELECT holdpoint_now() AS now, ${CALL_COLUMNS},
    (SELECT count(*) FROM calls alike WHERE (alike.run || ' ' || alike.args_digest) = $1 || ' ' || $3 AND alike.key <> $2) AS identical,
    (SELECT json_agg(h) FROM (
      SELECT ${HOLD_COLUMNS} FROM holds WHERE holds.run = $1 AND holds.key = $2
      UNION ALL SELECT ${HOLD_COLUMNS} FROM holds WHERE holds.run = $1 AND holds.key IS NULL AND ${STILL_OPEN}
    ) h) AS holds
  FROM (VALUES (1)) AS one LEFT JOIN calls ON calls.run = $1 AND calls.key = $2`;

/** The run's row, whose chain this continues with the first entry, is locked: its head and sequence number came with the lock. */
const WRITE = `
  WITH logged AS (
    INSERT INTO audit (chain, seq, at, text, hash) VALUES ($1, $27, $20, $25, holdpoint_audit_hash($26, $27, $20, $25))
  ), written AS (
    INSERT INTO calls (run, key, action, args_digest, digest, idempotent, attempts, claimed_at, used_grant, spend, state, token, lease_until,
      reserved, detail, waiting_for, input, facts, workflow_id, run_id, verdict, asked_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $28, $29, $20, $20)
    ON CONFLICT (run, key) DO UPDATE SET
      action = excluded.action, args_digest = excluded.args_digest, digest = excluded.digest, idempotent = excluded.idempotent,
      attempts = excluded.attempts, claimed_at = excluded.claimed_at, used_grant = excluded.used_grant, spend = excluded.spend,
      state = excluded.state, token = excluded.token, lease_until = excluded.lease_until, reserved = excluded.reserved,
      detail = excluded.detail, waiting_for = excluded.waiting_for, verdict = excluded.verdict, changed_at = excluded.changed_at,
      input = CASE WHEN $30 THEN excluded.input ELSE calls.input END, facts = CASE WHEN $30 THEN excluded.facts ELSE calls.facts END,
      workflow_id = CASE WHEN $30 THEN excluded.workflow_id ELSE calls.workflow_id END,
      run_id = CASE WHEN $30 THEN excluded.run_id ELSE calls.run_id END
  )
  UPDATE runs SET
    steps_used = steps_used + $21, reserved = reserved + $22, settled = settled + $23, claimed = claimed + $31, meters = $24, unfolded = '[]',
    closed = CASE WHEN fenced_at IS NULL THEN NULL ELSE closed END, closed_at = CASE WHEN fenced_at IS NULL THEN NULL ELSE closed_at END,
    audit_seq = $27, audit_head = holdpoint_audit_hash($26, $27, $20, $25)
  WHERE id = $1`;

/** Others that wait for a hold which this call found to be over; its own waiting ends here. */
const WAKE_OTHERS = `
  INSERT INTO deliveries (kind, subject, run, desired, due_at)
  SELECT 'wake', $1, $2, 1, $4 WHERE EXISTS (SELECT 1 FROM calls WHERE waiting_for = $1 AND key <> $3)
  ON CONFLICT (kind, subject) DO UPDATE SET desired = deliveries.desired + 1, due_at = excluded.due_at, tries = 0`;

interface FactsRow extends CallRow {
  readonly now: number;
  readonly identical: number;
  readonly holds: readonly HoldRow[] | null;
}

/**
 * Asks for one call, in two round trips: lock and read, then write what `decide` said. Idempotent by
 * the request's token. Null = no such run. Throws `LedgerError`; after `ledger_away` ask again.
 */
export async function claim(db: Database, run: RunId, request: CallRequest, decide: (facts: Facts) => Decided): Promise<Verdict | null> {
  return await db.transaction(async (tx) => {
    const [locked, [read]] = await Promise.all([lockRun(tx, run), tx.query<FactsRow>(READ_FACTS, [run, request.key, request.argsDigest])]);
    if (locked === undefined || read === undefined) return null;
    const facts = factsOf(locked, read, request);
    const decided = decide(facts);
    write(tx, locked, facts, decided);
    return decided.verdict;
  });
}

function factsOf(locked: LockedRun, read: FactsRow, request: CallRequest): Facts {
  return {
    now: read.now,
    run: runFromRow(locked),
    // The columns of a call that is not there are all null.
    earlier: (read.key as string | null) === null ? null : callFromRow(read),
    holds: (read.holds ?? []).map(holdFromRow).sort(newestFirst),
    identical: read.identical,
    unfolded: locked.unfolded as readonly Unfolded[],
    request,
  };
}

function newestFirst(a: Hold, b: Hold): number {
  return b.openedAt - a.openedAt || (a.id < b.id ? 1 : -1);
}

function write(tx: Queryable, locked: LockedRun, facts: Facts, decided: Decided): void {
  const { run, request, now } = facts;
  // Two concerns may each find the same hold to be over; the first says why.
  const closes = new Map([...decided.closes].reverse().map(({ hold, state }) => [hold, state]));
  for (const [hold, state] of closes) closeHold(tx, hold, state);
  const opened = openedBy(decided, request);
  if (opened !== null) openHold(tx, opened);
  const {
    call,
    audit: [first, ...rest],
  } = decided;
  if (call === null) appendAudit(tx, run.id, now, decided.audit);
  else if (first === undefined) throw new Error(`No audit, no effect: a verdict on call ${call.key} came without an entry.`);
  else {
    void tx.query(WRITE, writeParameters(locked, facts, decided, call, auditText(first)));
    appendAudit(tx, run.id, now, rest);
  }
  for (const hold of closes.keys()) void tx.query(WAKE_OTHERS, [hold, run.id, request.key, now]);
  if (opened !== null || closes.size > 0) notify(tx, run.id);
}

/** Where nothing is written of the call, the hold stands already: the claim that opened it lost its reply, and is asked again. */
function openedBy({ verdict, call }: Decided, request: CallRequest): Hold | null {
  return call !== null && verdict.kind === 'hold' && verdict.hold.id === request.freshHold ? verdict.hold : null;
}

function writeParameters(locked: LockedRun, facts: Facts, decided: Decided, call: Call, audit: string): readonly unknown[] {
  const { run, earlier, request, now } = facts;
  const { state } = call;
  const before = earlier?.state.kind === 'claimed' ? earlier.state : null;
  const after = state.kind === 'claimed' ? state : null;
  const same = before !== null && after !== null && before.token === after.token;
  // An attempt that never settled may have cost all that was reserved for it.
  const lost = before === null || same ? 0 : before.reserved;
  const fresh = decided.verdict.kind === 'allow' && !same;
  return [
    run.id,
    call.key,
    call.action,
    call.argsDigest,
    call.digest,
    call.idempotent,
    call.attempts,
    call.claimedAt,
    call.grant,
    call.spend + lost,
    state.kind,
    after?.token ?? null,
    after?.leaseUntil ?? null,
    after?.reserved ?? 0,
    detailOf(state),
    call.waitingFor,
    request.input,
    request.facts,
    request.execution.workflowId,
    now,
    fresh ? 1 : 0,
    (after?.reserved ?? 0) - (before?.reserved ?? 0),
    lost,
    JSON.stringify(decided.meters),
    audit,
    locked.audit_head,
    locked.audit_seq + 1,
    request.execution.runId,
    decided.verdict.kind,
    call.argsDigest === request.argsDigest,
    (after === null ? 0 : 1) - (before === null ? 0 : 1),
  ];
}
