import { Context } from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { DescribedExecution } from '../../activities/index.ts';
import type { ExecutionRef } from '../../core/index.ts';

/** Asks Temporal about one execution, through the client of the worker that runs the current activity. */
export async function describeExecution(execution: ExecutionRef): Promise<DescribedExecution | null> {
  const handle = Context.current().client.workflow.getHandle(execution.workflowId, execution.runId);
  try {
    const info = (await handle.describe()).raw.workflowExecutionInfo;
    const { workflowId, runId } = info?.parentExecution ?? {};
    return {
      firstRunId: info?.firstRunId || execution.runId,
      workflow: info?.type?.name ?? '',
      taskQueue: info?.taskQueue ?? '',
      parent: workflowId && runId ? { workflowId, runId } : null,
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
