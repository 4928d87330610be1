import { CancellationScope, condition, isCancellation, sleep } from '@temporalio/workflow';
import type { Millis, StepKey } from '../core/index.ts';
import { freshActivitySeq } from './activator.ts';
import { answerOf } from './answers.ts';
import { forever } from './forever.ts';
import type { OpenWait, OpenWaits } from './open-waits.ts';
import type { Wakes } from './wakes.ts';

const WITHDRAW_ATTEMPTS = 10;
const LONGEST_PAUSE: Millis = 6_000;

/** One call as the gate is asked about it. */
export interface Question {
  readonly key: StepKey | null;
  /** Schedules the activity under this command number. */
  ask(seq: number): Promise<unknown>;
  /** Schedules the activity that withdraws the call's hold. */
  withdraw(): Promise<unknown>;
}

export interface Room {
  readonly wakes: Wakes;
  readonly waits: OpenWaits;
}

/** What the gate threw instead of a result. `heard` = the wakes that had been counted when it was asked. */
export interface Refused {
  readonly error: unknown;
  readonly heard: number;
}

/**
 * Goes on from a first refusal until the gate gives a result or a final failure. The modes of one call: *asked*;
 * after a Hold *waiting*, until a wake or the clock; after a Later *sleeping*; after Fenced *blocked*, for ever. The
 * allowed path never comes here, and so has the history that it would have without all this.
 */
export async function askUntilAnswered(question: Question, first: Refused, room: Room): Promise<unknown> {
  let wait: OpenWait | null = null;
  try {
    for (let refused = first; ;) {
      const { error, heard } = refused;
      const woken = () => room.wakes.count(question.key) > heard;
      const answer = answerOf(error);
      if (answer.kind === 'final') throw error;
      if (answer.kind === 'fenced') await forever();
      if (answer.kind === 'hold') {
        wait ??= room.waits.begin(() => withdrawPatiently(question));
        // A wake that came before the refusal did is a reason to ask at once; a cancellation is one not to.
        if (!woken() || CancellationScope.current().consideredCancelled) await condition(woken, atLeastOne(answer.askAgainAfter));
      }
      if (answer.kind === 'later') await sleep(atLeastOne(answer.after));
      if (wait?.withdrawn) await forever();
      const counted = room.wakes.count(question.key);
      try {
        return await question.ask(freshActivitySeq());
      } catch (again) {
        refused = { error: again, heard: counted };
      }
    }
  } catch (error) {
    if (wait !== null && isCancellation(error)) await wait.withdraw();
    throw error;
  } finally {
    wait?.end();
  }
}

/** Tries again while the gate says Later, and so for about a minute when the ledger is away. */
async function withdrawPatiently(question: Question): Promise<void> {
  for (let attempt = 1; attempt <= WITHDRAW_ATTEMPTS; attempt += 1) {
    try {
      await question.withdraw();
      return;
    } catch (error) {
      const answer = answerOf(error);
      if (answer.kind !== 'later') return;
      await sleep(atLeastOne(Math.min(answer.after, LONGEST_PAUSE)));
    }
  }
}

/** A time-out of 0 means none to `condition`. */
function atLeastOne(duration: number): number {
  return Math.max(1, duration);
}
