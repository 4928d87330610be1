import type { Millis } from '../core/index.ts';
import { pause } from './bell.ts';
import type { Bell } from './bell.ts';

/** What the loops say about themselves: once when something goes away, once when it is back. */
export interface OperationsLog {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface LoopOptions {
  /** For people: "deliveries". */
  readonly name: string;
  readonly bell: Bell;
  readonly log: OperationsLog;
  readonly signal: AbortSignal;
  /** One round; resolves to how long to rest unless somebody rings; 0 = there is more to do at once. */
  readonly round: () => Promise<Millis>;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5_000;

/** Repeats rounds until the signal aborts. A round that fails is tried again with back-off; it never throws. */
export async function loop({ name, bell, log, signal, round }: LoopOptions): Promise<void> {
  const outage = createOutage(name, log);
  let rest = FIRST_PAUSE;
  while (!signal.aborted) {
    try {
      const next = await round();
      outage.over();
      rest = FIRST_PAUSE;
      if (next > 0) await bell.wait(next, signal);
    } catch (error) {
      if (signal.aborted) return;
      outage.failed(error);
      // Not the bell: whoever rings in a storm would turn the back-off into a spin.
      await pause(rest, signal);
      rest = Math.min(rest * 2, LONGEST_PAUSE);
    }
  }
}

/** Says a failure once, until it is over. */
export interface Outage {
  failed(error: unknown): void;
  over(): void;
}

export function createOutage(name: string, log: OperationsLog): Outage {
  let away = false;
  return {
    failed(error) {
      if (!away) log.warn(`${name}: ${errorText(error)} Trying again until it works.`);
      away = true;
    },
    over() {
      if (away) log.info(`${name}: working again.`);
      away = false;
    },
  };
}

/** The message of an error, its cause's where that says more, as one sentence. */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return sentence(String(error));
  const { cause } = error;
  const detail =
    cause instanceof Error && cause.message !== '' && cause.message !== error.message
      ? `${error.message}: ${cause.message}`
      : error.message;
  return sentence(detail === '' ? error.name : detail);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
