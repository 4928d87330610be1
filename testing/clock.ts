import type { Client, Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { Refusal, expireHold, formatDuration, parseDuration } from '../core/index.ts';
import type { Millis } from '../core/index.ts';
import { expireHolds } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { awaitIdle } from './idle.ts';

/** The time of a test: the ledger's, and Temporal's where the server skips time. It goes on by itself as any clock. */
export interface Clock {
  /** The ledger's. */
  now(): Promise<Date>;
  /**
   * Moves both on by a duration (`4h`, `90s`, or milliseconds), once all workflows wait: holds expire, and timers fire.
   * Resolves when both are there; what workflows do then is to be awaited. Throws `Refusal` `duration_invalid`, `clock_stuck`.
   */
  advance(by: string | Millis): Promise<void>;
}

export interface ClockParts {
  readonly db: Database;
  readonly client: Client;
  /** The client's. */
  readonly connection: Connection;
  /** The reconciler looks what there is to do now. */
  readonly nudge: () => void;
}

const STUCK_AFTER: Millis = 30_000;
const EXPIRE_AT_ONCE = 1_000;

export function createClock({ db, client, connection, nudge }: ClockParts): Clock {
  const { testService } = connection;

  /** A timer that is about to be set would else be set after the move. */
  async function untilAllWait(by: Millis): Promise<void> {
    if (testService !== undefined && !(await awaitIdle(client, STUCK_AFTER))) throw stuck(by);
  }

  async function skip(by: Millis): Promise<void> {
    if (testService === undefined) return;
    try {
      await connection.withDeadline(Date.now() + STUCK_AFTER, () => testService.unlockTimeSkippingWithSleep({ duration: msToTs(by) }));
    } catch (error) {
      throw stuck(by, error);
    }
  }

  return {
    async now() {
      const [row] = await db.query<{ now: number }>('SELECT holdpoint_now() AS now');
      return new Date(row?.now ?? Number.NaN);
    },
    async advance(by) {
      const millis = parseDuration(typeof by === 'number' ? `${by}ms` : by);
      await untilAllWait(millis);
      const [row] = await db.query<{ shift: number }>('SELECT holdpoint_clock_shift() AS shift');
      await db.query(shiftedBy((row?.shift ?? 0) + millis));
      await expireHolds(db, expireHold, EXPIRE_AT_ONCE);
      nudge();
      await skip(millis);
    },
  };
}

function stuck(by: Millis, cause?: unknown): Refusal {
  return new Refusal('failed', 'clock_stuck', `The clock did not move on by ${formatDuration(by)}: something goes on all the time.`, {
    hint: 'Time moves while all workflows wait: let the action that runs end, and the workflow that loops be stopped, before.',
    cause,
  });
}

/** `millis` is a whole number by now. */
function shiftedBy(millis: Millis): string {
  return `CREATE OR REPLACE FUNCTION holdpoint_clock_shift() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT ${millis}::bigint $$`;
}
