import type { Client } from '@temporalio/client';
import { closeRun, fenceRuns, listExecutions, recordStart, runsToCheck } from '../ledger/index.ts';
import type { Database, RunRecord } from '../ledger/index.ts';
import type { Millis } from '../core/index.ts';
import { describeExecution, eachOf, failureText } from './executions.ts';
import type { Described } from './executions.ts';
import { namespaceMatches } from './namespace.ts';

export interface CloseDeps {
  readonly db: Database;
  readonly client: Client;
  /** How long a start may be on its way before a run without a workflow counts as never started. Default 60 s. */
  readonly startGrace?: Millis;
}

const DEFAULT_START_GRACE: Millis = 60_000;
/** Runs looked at in one sweep, and how many at once. */
const SWEEP = 200;
const AT_ONCE = 16;
const OURSELVES = 'holdpoint';

/**
 * Looks at open runs, the longest unseen first, and closes those whose last execution has ended: as its
 * root ended, or as killed where the fence stands. A workflow that Temporal does not know closes nothing
 * unless this is the very namespace in which it ran. Gives the number of runs looked at.
 */
export async function closeEnded(deps: CloseDeps): Promise<number> {
  // No instant but the order decides who is next: this machine's clock need not be the ledger's.
  const runs = await runsToCheck(deps.db, Number.MAX_SAFE_INTEGER, SWEEP);
  let matches: Promise<boolean> | undefined;
  const sweep = { ...deps, ours: () => (matches ??= namespaceMatches(deps.db, deps.client)) };
  await eachOf(runs, AT_ONCE, (run) => (run.firstRunId === null ? resumeStart(sweep, run) : closeIfEnded(sweep, run, run.firstRunId)));
  return runs.length;
}

interface Sweep extends CloseDeps {
  /** Whether "not found" means anything here; asked once a sweep. */
  readonly ours: () => Promise<boolean>;
}

/** Finds out what became of a start that nobody recorded, because its starter went down in between. */
async function resumeStart({ db, client, ours, startGrace = DEFAULT_START_GRACE }: Sweep, run: RunRecord): Promise<void> {
  const root = await describeExecution(client, run.workflowId);
  if (root.kind === 'known') {
    await recordStart(db, run.id, root.firstRunId);
    return;
  }
  if (Date.now() - run.createdAt < startGrace || !(await ours())) return;
  // A start that is still on its way must find the fence.
  await fenceRuns(db, { runs: [run.id] }, { by: OURSELVES, reason: 'it never started' });
  await closeRun(db, run.id, 'failed', 'It never started: Temporal does not know its workflow.');
}

async function closeIfEnded({ db, client, ours }: Sweep, run: RunRecord, firstRunId: string): Promise<void> {
  const root = await describeRoot(db, client, run, firstRunId);
  if (root.kind === 'missing') {
    if (await ours()) await closeRun(db, run.id, run.fencedAt === null ? 'failed' : 'killed', 'Temporal no longer knows its workflow.');
    return;
  }
  if (root.state === 'open' || (await hasOpenChild(db, client, run))) return;
  const why = root.state === 'failed' ? await failureText(client, run.workflowId, root) : `Its workflow ended: ${root.status}.`;
  await closeRun(db, run.id, run.fencedAt === null ? root.state : 'killed', why);
}

/** The newest execution of the run's own chain, though its workflow id may serve another chain by now. */
async function describeRoot(db: Database, client: Client, run: RunRecord, firstRunId: string): Promise<Described> {
  const newest = await describeExecution(client, run.workflowId);
  if (newest.kind === 'missing' || newest.firstRunId === firstRunId) return newest;
  const last = (await listExecutions(db, run.id)).filter(({ path }) => path === '').at(-1);
  const ended = await describeExecution(client, run.workflowId, last?.runId ?? firstRunId);
  // Two executions never run under one workflow id, so where it continued as new, that one has ended too.
  return ended.kind === 'known' && ended.state === 'open' ? { ...ended, state: 'failed' } : ended;
}

async function hasOpenChild(db: Database, client: Client, run: RunRecord): Promise<boolean> {
  const chains = new Map<string, string>();
  for (const { workflowId, firstRunId, path } of await listExecutions(db, run.id)) {
    if (path !== '') chains.set(workflowId, firstRunId);
  }
  for (const [workflowId, firstRunId] of chains) {
    const child = await describeExecution(client, workflowId);
    if (child.kind === 'known' && child.state === 'open' && child.firstRunId === firstRunId) return true;
  }
  return false;
}
