import type { Run, RunState } from './run.ts';

/** The state that people see. A fenced run is killed from that moment on, though its executions may still be closing. */
export function runState(run: Pick<Run, 'fencedAt' | 'closed' | 'openHolds'>): RunState {
  if (run.fencedAt !== null) return 'killed';
  if (run.closed !== null) return run.closed;
  return run.openHolds > 0 ? 'held' : 'running';
}
