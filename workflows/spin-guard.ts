import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import { forever } from './forever.ts';

/** A hundred milliseconds or so of a loop that does nothing else. */
const MOST_TURNS = 100;

/** Makes one call of the workflow's, unless it is the next turn of a loop that would never end. */
export type SpinGuard = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * An agent that catches whatever its calls throw, and tries again, is stopped by the gate's limits, but for calls
 * that fail before they reach the gate: in a scope that is cancelled, as a killed run's are, or refused by the
 * waiting room. Such a loop never yields, so that the SDK must break it off by force, which can end the whole
 * worker. It blocks instead; who killed the run will terminate it. Calls that were made together are one turn.
 */
export function createSpinGuard(): SpinGuard {
  let task = 0;
  let turns = 0;
  return async (call) => {
    const { historyLength } = workflowInfo();
    if (historyLength !== task) turns = 0;
    task = historyLength;
    const turn = turns;
    if (turn >= MOST_TURNS) await forever();
    const failedAtOnce = () => {
      if (workflowInfo().historyLength === historyLength) turns = Math.max(turns, turn + 1);
    };
    const inVain = CancellationScope.current().consideredCancelled;
    try {
      const result = await call();
      // A child's start answers with promises, and they are what fails.
      if (inVain) failedAtOnce();
      return result;
    } catch (error) {
      failedAtOnce();
      throw error;
    }
  };
}
