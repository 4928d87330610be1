import { WorkflowFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import type { RunClosed } from '../core/index.ts';
import { isNotFound } from './temporal-trouble.ts';

/** One execution as Temporal knows it. A chain that goes on in another execution counts as open. */
export type Described =
  | { readonly kind: 'missing' }
  | {
      readonly kind: 'known';
      readonly firstRunId: string;
      readonly runId: string;
      readonly state: 'open' | Exclude<RunClosed, 'killed'>;
      /** Temporal's own word: `RUNNING`, `TIMED_OUT`. */
      readonly status: string;
    };

const ENDED: Readonly<Record<string, 'succeeded' | 'failed'>> = {
  COMPLETED: 'succeeded',
  FAILED: 'failed',
  CANCELLED: 'failed',
  TERMINATED: 'failed',
  TIMED_OUT: 'failed',
};

/** The newest execution under a workflow id, or the one with the given run id. Throws what is not a clear answer. */
export async function describeExecution(client: Client, workflowId: string, runId?: string): Promise<Described> {
  try {
    const { raw, status, runId: described } = await client.workflow.getHandle(workflowId, runId).describe();
    const firstRunId = raw.workflowExecutionInfo?.firstRunId;
    return {
      kind: 'known',
      firstRunId: firstRunId ? firstRunId : described,
      runId: described,
      state: ENDED[status.name] ?? 'open',
      status: status.name,
    };
  } catch (error) {
    if (isNotFound(error)) return { kind: 'missing' };
    throw error;
  }
}

/** Longer messages of workflows are cut: the ledger keeps why a run ended, not what it said at length. */
const LONGEST_REASON = 1_000;

/** Why a failed execution failed, in a sentence: the root cause, which Temporal wraps in failures of its own. */
export async function failureText(
  client: Client,
  workflowId: string,
  { runId, status }: Described & { readonly kind: 'known' },
): Promise<string> {
  const bare = `Its workflow ended: ${status}.`;
  if (status !== 'FAILED') return bare;
  try {
    await client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
    return bare;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const text = rootCauseOf(error);
    return text === '' ? bare : `Its workflow failed: ${text.slice(0, LONGEST_REASON)}`;
  }
}

function rootCauseOf(error: Error): string {
  let inner = error;
  while (inner.cause instanceof Error) inner = inner.cause;
  return inner.message;
}

/** Runs at most `most` of the given pieces of work at a time, all of them, and throws the first failure afterwards. */
export async function eachOf<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const failures: unknown[] = [];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}
