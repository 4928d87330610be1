import { fromLedger } from '../approvals/index.ts';
import { Refusal } from '../core/index.ts';
import type { Principal, RunId } from '../core/index.ts';
import { fenceRuns, findRun } from '../ledger/index.ts';
import type { Database, FenceFilter } from '../ledger/index.ts';

export interface KillDeps {
  readonly db: Database;
  /** Tells the reconciler in this process that there is work; it finds out by itself otherwise. */
  readonly nudge?: () => void;
}

export interface KillAsk {
  readonly by: Principal;
  readonly reason: string;
}

/**
 * Kills runs: the fence is committed when this returns, and nothing of them is claimed any more. Their
 * workflows are stopped afterwards by the stop delivery. Gives the runs that were fenced now; one that is
 * killed or closed already is left as it is. Throws `Refusal` `reason_required`, `run_unknown`, `ledger_away`.
 */
export async function killRuns({ db, nudge }: KillDeps, filter: FenceFilter, { by, reason }: KillAsk): Promise<readonly RunId[]> {
  if (reason.trim() === '') {
    throw new Refusal('invalid', 'reason_required', 'A kill needs a reason; got an empty one.', { hint: 'Say why with --reason.' });
  }
  if ('runs' in filter) {
    for (const run of filter.runs) {
      if ((await fromLedger(findRun(db, run))) === null) throw runUnknown(run);
    }
  }
  const fenced = await fromLedger(fenceRuns(db, filter, { by, reason: reason.trim() }));
  nudge?.();
  return fenced;
}

function runUnknown(run: RunId): Refusal {
  return new Refusal('not_found', 'run_unknown', `There is no run ${JSON.stringify(run)}.`, {
    hint: 'List them: holdpoint run list.',
    data: { run },
  });
}
