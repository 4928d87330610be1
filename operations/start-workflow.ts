import { WorkflowClient } from '@temporalio/client';
import type { Client, WorkflowClientInterceptor } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { HEADER } from '../core/index.ts';
import type { Json, RunHeader } from '../core/index.ts';

export interface RootStart {
  readonly header: RunHeader;
  readonly workflow: string;
  readonly taskQueue: string;
  readonly input: Json;
}

/**
 * Starts a run's root under the run's id, which no execution ever had and none may have again, and gives
 * Temporal's first run id. Only the header says whose run it is: no memo, no search attributes.
 */
export async function startWorkflow(client: Client, { header, workflow, taskQueue, input }: RootStart): Promise<string> {
  const { interceptors, ...options } = client.workflow.options;
  // A client of its own for each start: the header reaches no start but this one. Connections are shared, so it costs nothing.
  const starter = new WorkflowClient({
    ...options,
    connection: client.connection,
    interceptors: [...(Array.isArray(interceptors) ? interceptors : []), headerInterceptor(header)],
  });
  const handle = await starter.start(workflow, {
    workflowId: header.run,
    taskQueue,
    args: [input],
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    workflowIdConflictPolicy: 'FAIL',
  });
  return handle.firstExecutionRunId;
}

/** Not through the data converter: the gate and the waiting room read the header before any codec. */
function headerInterceptor(header: RunHeader): WorkflowClientInterceptor {
  const payload = defaultPayloadConverter.toPayload(header);
  return {
    startWithDetails: (input, next) => next({ ...input, headers: { ...input.headers, [HEADER]: payload } }),
  };
}
