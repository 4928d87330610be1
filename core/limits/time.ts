import type { Run } from '../run.ts';
import type { Instant, Millis } from '../names.ts';
import type { Limit } from './limit.ts';

export type Clock = Pick<Run, 'startedAt' | 'waited' | 'waitingSince'>;

/** Working time so far: since the start, without the time in which a hold was open. */
export function worked(run: Clock, now: Instant): Millis {
  const waitingNow = run.waitingSince === null ? 0 : Math.max(0, now - run.waitingSince);
  return Math.max(0, now - run.startedAt - run.waited - waitingNow);
}

/** How the clock stands after the number of open holds became `openHolds` at `now`. */
export function clockAfter(run: Clock, openHolds: number, now: Instant): Pick<Run, 'waited' | 'waitingSince'> {
  if (openHolds > 0) return { waited: run.waited, waitingSince: run.waitingSince ?? now };
  const waitedNow = run.waitingSince === null ? 0 : Math.max(0, now - run.waitingSince);
  return { waited: run.waited + waitedNow, waitingSince: null };
}

export const time: Limit<Clock> = {
  name: 'time',
  fold: (clock) => clock,
  trip(clock, _next, max, now) {
    const reached = worked(clock, now);
    if (reached <= max) return null;
    return { limit: 'time', max, reached, message: `it has worked ${Math.round(reached / 1000)} s of ${Math.round(max / 1000)} s` };
  },
};
