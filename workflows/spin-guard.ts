import { CancellationScope, workflowInfo } from '@temporalio/workflow';

/** A hundred milliseconds or so of a loop that does nothing else. */
const MOST_TURNS = 100;

/** One call of the workflow's. Exactly one of the two is told, when the call has ended. */
export interface Turn {
  succeeded(): void;
  failed(): void;
}

export interface SpinGuard {
  /** Begins a call; null = it is the next turn of a loop that would never end, and must block for ever. */
  enter(): Turn | null;
}

/**
 * An agent that catches whatever its calls throw, and tries again, is stopped by the gate's limits, but for calls
 * that fail before they reach the gate: in a scope that is cancelled, as a killed run's are, or refused by the
 * waiting room. Such a loop never yields, so that the SDK must break it off by force, which can end the whole
 * worker. It blocks instead; who killed the run will terminate it. Calls that were made together are one turn.
 */
export function createSpinGuard(): SpinGuard {
  let task = 0;
  let turns = 0;
  return {
    enter() {
      const { historyLength } = workflowInfo();
      if (historyLength !== task) turns = 0;
      task = historyLength;
      const turn = turns;
      if (turn >= MOST_TURNS) return null;
      const failed = () => {
        if (workflowInfo().historyLength === historyLength) turns = Math.max(turns, turn + 1);
      };
      const inVain = CancellationScope.current().consideredCancelled;
      // A child's start answers with promises, and they are what fails.
      return { failed, succeeded: inVain ? failed : () => undefined };
    },
  };
}
