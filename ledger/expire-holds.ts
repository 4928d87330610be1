import type { Hold, HoldId, Instant } from '../core/index.ts';
import { appendAudit, notify } from './audit-rows.ts';
import type { Database } from './database.ts';
import { desireDelivery } from './deliveries.ts';
import { lockHold } from './read-hold.ts';
import { replaceHold } from './write-hold.ts';

const DUE = `SELECT id FROM holds WHERE state = 'open' AND decide_by < (SELECT holdpoint_now()) ORDER BY decide_by LIMIT $1`;

/**
 * Ends open holds whose time to decide is over, as `rule` says (null = not yet), the longest overdue
 * first; each in a transaction of its own. Gives how many ended; `most` of them means that there may be more.
 */
export async function expireHolds(db: Database, rule: (hold: Hold, now: Instant) => Hold | null, most: number): Promise<number> {
  const due = await db.query<{ id: HoldId }>(DUE, [most]);
  let ended = 0;
  for (const { id } of due) if (await expire(db, id, rule)) ended += 1;
  return ended;
}

async function expire(db: Database, id: HoldId, rule: (hold: Hold, now: Instant) => Hold | null): Promise<boolean> {
  return await db.transaction(async (tx) => {
    const facts = await lockHold(tx, id);
    const after = facts === null || facts.hold.state.kind !== 'open' ? null : rule(facts.hold, facts.now);
    if (facts === null || after === null) return false;
    const { hold, now } = facts;
    replaceHold(tx, after);
    desireDelivery(tx, { kind: 'wake', subject: hold.id, run: hold.run }, now);
    appendAudit(tx, hold.run, now, [{ kind: `hold.${after.state.kind}`, body: { hold: hold.id, holdKind: hold.kind, key: hold.key } }]);
    notify(tx, hold.run);
    return true;
  });
}
