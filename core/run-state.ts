import type { Run, RunState } from './run.ts';

/**
 * The state that people see. A fenced run is killed from that moment on, though its executions may still be
 * closing; a run is held while it waits for people and nothing else goes on. `claimed` = how many of its
 * calls have an attempt under way.
 */
export function runState(run: Pick<Run, 'fencedAt' | 'closed' | 'openHolds'> & { readonly claimed?: number }): RunState {
  if (run.fencedAt !== null) return 'killed';
  if (run.closed !== null) return run.closed;
  return run.openHolds > 0 && (run.claimed ?? 0) === 0 ? 'held' : 'running';
}
