import { setTimeout as delay } from 'node:timers/promises';

/** How long one part may take to stop before the next one is stopped all the same. */
const STOP_WITHIN = 35_000;

/** What was started, to be stopped in the opposite order, once. */
export interface Teardown {
  /** `stop` may fail: the others are stopped all the same. */
  add(name: string, stop: () => Promise<void>): void;
  run(): Promise<void>;
}

export function createTeardown(): Teardown {
  const parts: { readonly name: string; readonly stop: () => Promise<void> }[] = [];
  let running: Promise<void> | null = null;

  async function stopAll(): Promise<void> {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      // oxlint-disable-next-line no-await-in-loop -- a part stops before those that it stands on
      await Promise.race([stopped(part.stop), delay(STOP_WITHIN, undefined, { ref: false })]);
    }
  }

  return {
    add(name, stop) {
      parts.push({ name, stop });
      // Stopped while it was starting: what comes late is stopped as well.
      if (running !== null) running = running.then(stopAll);
    },
    run() {
      running ??= stopAll();
      return running;
    },
  };
}

async function stopped(stop: () => Promise<void>): Promise<void> {
  try {
    await stop();
  } catch {
    // What was to end has ended, one way or another.
  }
}
