import type { Hold } from './hold.ts';
import type { Instant } from './names.ts';
import { expireHold } from './rule-decision.ts';
import type { Decided, Facts } from './verdict.ts';

/** How a hold that could still let its call pass ends now; nothing for one that is over already. */
export function closing(hold: Hold, now: Instant, why: string): Decided['closes'] {
  const expired = expireHold(hold, now);
  if (expired !== null) return [{ hold: hold.id, state: expired.state }];
  const standing = hold.state.kind === 'open' || hold.state.kind === 'granted';
  return standing ? [{ hold: hold.id, state: { kind: 'withdrawn', at: now, why } }] : [];
}

/**
 * Now, but after every hold of this call and not before its last attempt, even where the ledger's clock
 * stands still or went back: the order of attempts and holds says which attempt a person spoke of.
 */
export function afterHolds({ now, holds, earlier, request }: Facts): Instant {
  const opened = holds.filter((hold) => hold.key === request.key).map((hold) => hold.openedAt + 1);
  return Math.max(now, earlier?.claimedAt ?? 0, ...opened);
}
