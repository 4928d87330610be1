import type { Connection } from '@temporalio/client';

/** How many executions of one server are looked at. */
const MOST = 1_000;
const OF_ROOT = /^RootWorkflowId = '([^']+)'/;

/**
 * Temporal's test server has no list of workflows but that of all open ones, and a kill asks for what goes on below a
 * root. Answers that question, on this connection alone; any other is left to the server, which refuses it.
 */
export function listBelowRoots({ workflowService: service }: Connection): void {
  const ask = service.listWorkflowExecutions.bind(service) as typeof service.listWorkflowExecutions;
  const answer = async (request: Parameters<typeof ask>[0]): ReturnType<typeof ask> => {
    const root = OF_ROOT.exec(request.query ?? '')?.[1];
    if (root === undefined) return ask(request);
    const { namespace } = request;
    const listed = await service.listOpenWorkflowExecutions({ namespace: namespace ?? null, maximumPageSize: MOST });
    const described = await Promise.all(
      listed.executions.map(({ execution }) =>
        service.describeWorkflowExecution({ namespace: namespace ?? null, execution: execution ?? null }).catch(() => null),
      ),
    );
    const executions = described.flatMap((one) => one?.workflowExecutionInfo ?? []);
    return {
      executions: executions.filter(({ rootExecution }) => rootExecution?.workflowId === root),
      nextPageToken: new Uint8Array(),
    } as unknown as Awaited<ReturnType<typeof ask>>;
  };
  Object.assign(service, { listWorkflowExecutions: answer });
}
