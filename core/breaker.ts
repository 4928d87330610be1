import type { Hold } from './hold.ts';
import type { Trip } from './limits/index.ts';
import { formatDuration } from './duration.ts';
import { formatUsd } from './money.ts';
import type { Micros } from './names.ts';
import type { Facts } from './verdict.ts';

/** The hold of a whole run whose next call would pass a limit. It never expires: a stopped run stays stopped. */
export function breakerHold(facts: Facts, tripped: readonly Trip[]): Hold {
  const { run, request, now } = facts;
  const reason = tripped.map((trip) => trip.message).join('; ');
  return {
    id: request.freshHold,
    run: run.id,
    key: null,
    kind: 'breaker',
    state: { kind: 'open' },
    version: 1,
    digest: null,
    reason: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`,
    requires: [],
    policySet: null,
    shown: {
      title: `${run.agent} reached its limit of ${tripped.map((trip) => trip.limit).join(' and ')}`,
      fields: [
        { name: 'next call', value: request.action },
        ...tripped.map((trip) => ({
          name: trip.limit,
          value: `would come to ${amountOf(trip, trip.reached)}, limit ${amountOf(trip, trip.max)}`,
        })),
        ...request.shown.fields,
      ],
      evidence: [],
    },
    openedAt: now,
    decideBy: null,
    edit: null,
    result: null,
  };
}

/** In the unit that people think in. */
function amountOf({ limit }: Trip, amount: number): string {
  if (limit === 'spend') return formatUsd(amount as Micros);
  return limit === 'time' ? formatDuration(amount) : String(amount);
}
