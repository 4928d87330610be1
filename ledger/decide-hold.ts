import type { Hold, HoldFacts, HoldId, Ruling } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import type { Database, Queryable } from './database.ts';
import { answerForAgent } from './agents.ts';
import { desireDelivery } from './deliveries.ts';
import { raiseLimits } from './raise-run.ts';
import { lockHold } from './read-hold.ts';
import { replaceHold } from './write-hold.ts';

const VOTE = 'INSERT INTO votes (hold, version, person, choice, at) VALUES ($1, $2, $3, $4, $5)';
const FENCE = 'UPDATE runs SET fenced_at = $2, fence_by = $3, fence_reason = $4 WHERE id = $1 AND fenced_at IS NULL';

/**
 * One decision on one hold: vote, state, limits, fence, what the world must be told and the audit are one
 * transaction. Null = no such hold. Throws `LedgerError`; after `ledger_away` look whether the vote is there.
 */
export async function decideHold(db: Database, id: HoldId, rule: (facts: HoldFacts) => Ruling): Promise<Ruling | null> {
  return await db.transaction(async (tx) => {
    const facts = await lockHold(tx, id);
    if (facts === null) return null;
    const ruling = rule(facts);
    write(tx, facts, ruling);
    return ruling;
  });
}

function write(tx: Queryable, facts: HoldFacts, ruling: Ruling): void {
  const { hold: before, now } = facts;
  const { run } = before;
  const after = ruling.kind === 'accepted' ? { ...ruling.hold, result: ruling.result ?? ruling.hold.result } : ruling.hold;
  if (after !== null) replaceHold(tx, after);
  if (ruling.kind === 'accepted') {
    const { vote } = ruling;
    void tx.query(VOTE, [before.id, vote.version, vote.person, vote.choice, vote.at]);
    if (ruling.raise !== null) raiseLimits(tx, run, ruling.raise);
    if (ruling.agent !== null) answerForAgent(tx, facts.run.agent, ruling.agent, ruling.vote, noteOf(ruling.hold));
    if (ruling.kill !== null) {
      void tx.query(FENCE, [run, now, vote.person, ruling.kill]);
      desireDelivery(tx, { kind: 'stop', subject: run, run }, now);
    }
  }
  if (after !== null && after.state.kind !== before.state.kind) desireDelivery(tx, { kind: 'wake', subject: before.id, run }, now);
  appendAudit(tx, run, now, ruling.audit);
  if (after !== null) notify(tx, run);
}

function noteOf({ state }: Hold): string | null {
  return state.kind === 'granted' || state.kind === 'denied' ? state.note : null;
}
