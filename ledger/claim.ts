import { auditText } from '../core/index.ts';
import type { AgentAnswer, Call, CallRequest, Decided, Facts, Hold, RunId, Unfolded, Verdict } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import { CALL_COLUMNS, callFromRow, detailOf } from './call-row.ts';
import type { CallRow } from './call-row.ts';
import type { Database, Queryable } from './database.ts';
import { HOLD_COLUMNS, holdFromRow, jsonOrNull, STILL_OPEN } from './hold-row.ts';
import type { HoldRow } from './hold-row.ts';
import { inTurn } from './in-turn.ts';
import { lockRun } from './lock-run.ts';
import type { LockedRun } from './lock-run.ts';
import { runFromRow } from './run-row.ts';
import { closeHold, openHold } from './write-hold.ts';

const READ_FACTS = `
  SELECT holdpoint_now() AS now, ${CALL_COLUMNS},
    (SELECT count(*) FROM calls alike WHERE (alike.run || ' ' || alike.args_digest) = $1 || ' ' || $3 AND alike.key <> $2) AS identical
  FROM (VALUES (1)) AS one LEFT JOIN calls ON calls.run = $1 AND calls.key = $2`;
const READ_HOLDS = `
  SELECT ${HOLD_COLUMNS} FROM holds WHERE holds.run = $1 AND holds.key = $2
  UNION ALL SELECT ${HOLD_COLUMNS} FROM holds WHERE holds.run = $1 AND holds.key IS NULL AND ${STILL_OPEN}`;

const READ_AGENT = 'SELECT answer FROM agents WHERE agent = $1';

/** The run's row, whose chain this continues with the first entry, is locked: its head and sequence number came with the lock. */
const WRITE_RUN = `
  UPDATE runs SET
    steps_used = steps_used + $21, reserved = reserved + $22, settled = settled + $23, claimed = claimed + $30, meters = $24, unfolded = '[]',
    closed = CASE WHEN fenced_at IS NULL THEN NULL ELSE closed END, closed_at = CASE WHEN fenced_at IS NULL THEN NULL ELSE closed_at END,
    audit_seq = $27, audit_head = holdpoint_audit_hash($26, $27, $20, $25)
  WHERE id = $1`;
const LOG = 'INSERT INTO audit (chain, seq, at, text, hash) VALUES ($1, $27, $20, $25, holdpoint_audit_hash($26, $27, $20, $25))';
/** Of a call that was never asked before; the run's lock keeps others from asking it meanwhile. */
const WRITE_NEW = `
  WITH logged AS (${LOG}), written AS (
    INSERT INTO calls (run, key, action, args_digest, digest, idempotent, attempts, claimed_at, used_grant, spend, state, token, lease_until,
      reserved, detail, waiting_for, input, facts, workflow_id, run_id, verdict, asked_at, changed_at, observed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $28, $29, $20, $20, $31)
  )${WRITE_RUN}`;
const WRITE_AGAIN = `
  WITH logged AS (${LOG}), written AS (
    UPDATE calls SET
      action = $3, args_digest = $4, digest = $5, idempotent = $6, attempts = $7, claimed_at = $8, used_grant = $9, spend = $10, state = $11,
      token = $12, lease_until = $13, reserved = $14, detail = $15, waiting_for = $16, verdict = $29, changed_at = $20,
      observed = coalesce($31, calls.observed),
      input = CASE WHEN $32 THEN $17 ELSE calls.input END, facts = CASE WHEN $32 THEN $18 ELSE calls.facts END,
      workflow_id = CASE WHEN $32 THEN $19 ELSE calls.workflow_id END, run_id = CASE WHEN $32 THEN $28 ELSE calls.run_id END
    WHERE calls.run = $1 AND calls.key = $2
  )${WRITE_RUN}`;

/** Others that wait for a hold which this call found to be over; its own waiting ends here. */
const WAKE_OTHERS = `
  INSERT INTO deliveries (kind, subject, run, desired, due_at)
  SELECT 'wake', $1, $2, 1, $4 WHERE EXISTS (SELECT 1 FROM calls WHERE waiting_for = $1 AND key <> $3)
  ON CONFLICT (kind, subject) DO UPDATE SET desired = deliveries.desired + 1, due_at = excluded.due_at, tries = 0`;

interface FactsRow extends CallRow {
  readonly now: number;
  readonly identical: number;
}

/**
 * Asks for one call, in two round trips: lock and read, then write what `decide` said; in three where there may be
 * holds. Idempotent by the request's token. Null = no such run. Throws `LedgerError`; after `ledger_away` ask again.
 */
export async function claim(db: Database, run: RunId, request: CallRequest, decide: (facts: Facts) => Decided): Promise<Verdict | null> {
  const body = async (tx: Queryable): Promise<Verdict | null> => {
    const [locked, [read]] = await Promise.all([lockRun(tx, run), tx.query<FactsRow>(READ_FACTS, [run, request.key, request.argsDigest])]);
    if (locked === undefined || read === undefined) return null;
    // A call gets its first hold with its row.
    const mayBeHeld = isKnown(read) || locked.open_holds > 0;
    const [holds, [agent]] = await Promise.all([
      mayBeHeld ? tx.query<HoldRow>(READ_HOLDS, [run, request.key]) : [],
      locked.admission === null ? [] : tx.query<{ answer: AgentAnswer }>(READ_AGENT, [locked.agent]),
    ]);
    const facts = factsOf(locked, read, holds, agent?.answer ?? null, request);
    const decided = decide(facts);
    write(tx, locked, facts, decided);
    return decided.verdict;
  };
  return await inTurn(db, run, () => db.transaction(body));
}

/** The columns of a call that is not there are all null. */
function isKnown(read: FactsRow): boolean {
  return (read.key as string | null) !== null;
}

function factsOf(locked: LockedRun, read: FactsRow, holds: readonly HoldRow[], agent: AgentAnswer | null, request: CallRequest): Facts {
  return {
    now: read.now,
    run: runFromRow(locked),
    earlier: isKnown(read) ? callFromRow(read) : null,
    holds: holds.map(holdFromRow).sort(newestFirst),
    identical: read.identical,
    unfolded: locked.unfolded as readonly Unfolded[],
    agent,
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
    const parameters = writeParameters(locked, facts, decided, call, auditText(first));
    if (facts.earlier === null) void tx.query(WRITE_NEW, parameters);
    else void tx.query(WRITE_AGAIN, [...parameters, call.argsDigest === request.argsDigest]);
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
    (after === null ? 0 : 1) - (before === null ? 0 : 1),
    jsonOrNull(decided.observed),
  ];
}
