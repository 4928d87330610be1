import { formatUsd, micros } from '../money.ts';
import type { Run } from '../run.ts';
import type { Limit } from './limit.ts';

/** Settled, reserved and overrun spend, and the next call's worst case. An overrun nobody accepted trips by itself. */
export const spend: Limit<Run['used']> = {
  name: 'spend',
  fold: (used) => used,
  trip(used, next, max) {
    const reached = used.settled + used.reserved + used.overrun - used.overrunAccepted + next.worst;
    if (used.overrun > used.overrunAccepted) {
      const over = formatUsd(micros(used.overrun - used.overrunAccepted));
      return { limit: 'spend', max, reached, message: `a call cost ${over} more than was reserved for it` };
    }
    if (reached <= max) return null;
    const spent = formatUsd(micros(reached - next.worst));
    const message = `${spent} of ${formatUsd(micros(max))} is spent or reserved, and this call may cost ${formatUsd(next.worst)}`;
    return { limit: 'spend', max, reached, message };
  },
};
