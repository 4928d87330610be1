import { setMaxListeners } from 'node:events';
import type { Client } from '@temporalio/client';
import { expireHold } from '../core/index.ts';
import type { Deliverer, Millis } from '../core/index.ts';
import { expireHolds } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { createBell, pause } from './bell.ts';
import { bounded } from './bounded.ts';
import { closeEnded } from './close-ended.ts';
import { createDueDeliveries } from './deliver-due.ts';
import { loop } from './loop.ts';
import type { OperationsLog } from './loop.ts';
import { namespaceMatches } from './namespace.ts';

export interface ReconcilerDeps {
  readonly db: Database;
  readonly client: Client;
  readonly deliverers: readonly Deliverer[];
  readonly log: OperationsLog;
  /** See `CloseDeps`. */
  readonly startGrace?: Millis;
}

/** Brings the world to what the ledger says: delivers, expires, closes. Any number of them may share a ledger. */
export interface Reconciler {
  /** Works until the signal aborts, and is gone within a second of it. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  start(): void;
  stop(): Promise<void>;
  /** There is something to deliver: look now. */
  nudge(): void;
}

const CHANNEL = 'holdpoint';
const EVERY: Millis = 1_000;
const EXPIRE_AT_ONCE = 100;
const SWEEP_WITHIN: Millis = 30_000;
/** What is under way may end by itself for this long; then it is left to whoever looks next. */
const LEAVE_AFTER: Millis = 700;

export function createReconciler({ db, client, deliverers, log, startGrace }: ReconcilerDeps): Reconciler {
  const bell = createBell();
  let stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();

  async function run(signal: AbortSignal): Promise<void> {
    // Every delivery under way listens to it.
    setMaxListeners(0, signal);
    const deliveries = createDueDeliveries({ db, client, deliverers, log, bell, signal });
    let bound = false;
    const close = async () => {
      await bounded(client, { within: SWEEP_WITHIN, signal }, async () => {
        bound ||= await bind(db, client, log);
        await closeEnded({ db, client, ...(startGrace === undefined ? {} : { startGrace }) });
      });
      return EVERY;
    };
    const expire = async () => ((await expireHolds(db, expireHold, EXPIRE_AT_ONCE)) === EXPIRE_AT_ONCE ? 0 : EVERY);
    const loops = Promise.all([
      listen(signal),
      loop({ name: 'deliveries', bell, log, signal, round: deliveries.round }),
      loop({ name: 'expiry', bell: createBell(), log, signal, round: expire }),
      loop({ name: 'closing of runs', bell: createBell(), log, signal, round: close }),
    ]);
    await aborted(signal);
    const ended = new AbortController();
    await Promise.race([loops.then(deliveries.idle), pause(LEAVE_AFTER, ended.signal)]);
    ended.abort();
  }

  /** Listening is for speed alone: polling finds what was missed. */
  async function listen(signal: AbortSignal): Promise<void> {
    let stop: (() => Promise<void>) | undefined;
    const listening = async () => {
      stop ??= await db.listen(CHANNEL, () => bell.ring());
      await aborted(signal);
      return EVERY;
    };
    await loop({ name: 'listening to the ledger', bell: createBell(), log, signal, round: listening });
    await stop?.().catch(() => undefined);
  }

  return {
    run,
    start() {
      stopping = new AbortController();
      running = run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
    },
    nudge: () => bell.ring(),
  };
}

/** Ties the ledger to this namespace before anything is judged by what is found in it. */
async function bind(db: Database, client: Client, log: OperationsLog): Promise<true> {
  if (!(await namespaceMatches(db, client))) {
    const name = JSON.stringify(client.options.namespace);
    log.warn(`This ledger belongs to another Temporal namespace than ${name} at this address: runs that are missing here stay open.`);
  }
  return true;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
