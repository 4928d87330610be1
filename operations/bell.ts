import type { Millis } from '../core/index.ts';

/** Something to wait for that may ring early; a ring while nobody waits is kept for the next wait. */
export interface Bell {
  ring(): void;
  /** Resolves when rung, after `most` milliseconds, or when the signal aborts. One waits at a time. */
  wait(most: Millis, signal: AbortSignal): Promise<void>;
}

export function createBell(): Bell {
  let rung = false;
  let wake: () => void = () => undefined;
  return {
    ring() {
      rung = true;
      wake();
    },
    async wait(most, signal) {
      if (!rung) {
        await pause(most, signal, (resolve) => {
          wake = resolve;
        });
      }
      rung = false;
    },
  };
}

/** Resolves after `most` milliseconds, when the signal aborts, or when what `early` is given is called. */
export function pause(most: Millis, signal: AbortSignal, early: (resolve: () => void) => void = () => undefined): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, most);
    signal.addEventListener('abort', end);
    early(end);
  });
}
