import type { Client } from '@temporalio/client';
import type { Deliverer, Millis, RunId } from '../core/index.ts';
import { closeRun, findRun, listExecutions } from '../ledger/index.ts';
import type { Database, RunRecord } from '../ledger/index.ts';
import { describeExecution, eachOf } from './executions.ts';
import { isNotFound } from './temporal-trouble.ts';

export interface StopDeps {
  readonly db: Database;
  readonly client: Client;
  /** How long cancelled workflows may tidy up before they are terminated. Default 5 s. */
  readonly grace?: Millis;
}

const DEFAULT_GRACE: Millis = 5_000;
/** The grace is counted in looks, not by a clock, so that another process can go on with it. */
const LOOKS = 10;
const AFTER_TERMINATION: Millis = 250;
const AT_ONCE = 16;

/** One physical execution that still goes on. */
interface Running {
  readonly workflowId: string;
  readonly runId: string;
  /** Null = known by its run id alone. */
  readonly firstRunId: string | null;
}

/**
 * Stops a killed run: cancels its root and children, and terminates what is left after the grace. Done,
 * and the run closed as killed, when nothing of it goes on. The fence already stands: it lets nothing
 * pass meanwhile, however long this takes.
 */
export function createStopDeliverer({ db, client, grace = DEFAULT_GRACE }: StopDeps): Deliverer {
  return {
    kind: 'stop',
    async deliver({ subject: id, tries }) {
      const run = await findRun(db, id);
      if (run === null) return 'done';
      const running = await findRunning(db, client, run);
      if (running.length === 0) {
        await closeRun(db, id, 'killed', run.fence?.reason ?? 'killed');
        return 'done';
      }
      if (tries <= LOOKS) {
        await eachOf(running, AT_ONCE, (execution) => cancel(client, execution));
        return { againAfter: Math.ceil(grace / LOOKS) };
      }
      const reason = `Killed: ${run.fence?.reason ?? 'no reason given'}`;
      await eachOf(running, AT_ONCE, (execution) => terminate(client, execution, reason));
      return { againAfter: AFTER_TERMINATION };
    },
  };
}

/** The root first, so that it starts no further children while the others are stopped. */
async function findRunning(db: Database, client: Client, run: RunRecord): Promise<readonly Running[]> {
  const found = new Map<string, Running>();
  const chains = new Map([[run.workflowId, run.firstRunId]]);
  for (const { workflowId, firstRunId } of await listExecutions(db, run.id)) {
    // A root's chain is the one that was started; a child that its parent started again has a new one.
    if (workflowId !== run.workflowId || run.firstRunId === null) chains.set(workflowId, firstRunId);
  }
  await eachOf([...chains], AT_ONCE, async ([workflowId, firstRunId]) => {
    const execution = await describeExecution(client, workflowId);
    if (execution.kind === 'missing' || execution.state !== 'open') return;
    if (firstRunId === null || execution.firstRunId === firstRunId) found.set(execution.runId, { ...execution, workflowId });
  });
  const listed: Running[] = [];
  for await (const { workflowId, runId } of client.workflow.list({ query: descendants(run.workflowId) })) {
    if (!found.has(runId)) listed.push({ workflowId, runId, firstRunId: null });
  }
  // The list lags behind: it may name what has ended.
  await eachOf(listed, AT_ONCE, async (execution) => {
    const described = await describeExecution(client, execution.workflowId, execution.runId);
    if (described.kind === 'known' && described.state === 'open') found.set(execution.runId, execution);
  });
  return [...found.values()].toSorted((a, b) => Number(b.workflowId === run.workflowId) - Number(a.workflowId === run.workflowId));
}

/** Children that never claimed anything are known to Temporal alone. The id of a run's root is used once. */
function descendants(rootWorkflowId: RunId): string {
  return `RootWorkflowId = '${rootWorkflowId.replaceAll("'", "''")}' AND ExecutionStatus = 'Running'`;
}

async function cancel(client: Client, execution: Running): Promise<void> {
  await unlessEnded(handleOf(client, execution).cancel());
}

async function terminate(client: Client, execution: Running, reason: string): Promise<void> {
  await unlessEnded(handleOf(client, execution).terminate(reason));
}

/** By first run id, which follows continue-as-new and never meets another chain under the same workflow id. */
function handleOf(client: Client, { workflowId, runId, firstRunId }: Running) {
  return firstRunId === null
    ? client.workflow.getHandle(workflowId, runId)
    : client.workflow.getHandle(workflowId, undefined, { firstExecutionRunId: firstRunId });
}

async function unlessEnded(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
