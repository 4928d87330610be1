import type { Connection } from '@temporalio/client';
// Its types alone: the package is not among those that a project shares with us.
import type { temporal } from '@temporalio/proto';

type ListResponse = temporal.api.workflowservice.v1.ListWorkflowExecutionsResponse;
type ListRequest = temporal.api.workflowservice.v1.IListWorkflowExecutionsRequest;

/** How many executions of one server are looked at. */
const MOST = 1_000;
const OF_ROOT = /^RootWorkflowId = '([^']+)'/;

/**
 * Temporal's test server has no list of workflows but that of all open ones, and a kill asks for what goes on below a
 * root. Answers that question, on this connection alone; any other is left to the server, which refuses it.
 */
export function listBelowRoots({ workflowService: service }: Connection): void {
  const ask: (request: ListRequest) => Promise<ListResponse> = service.listWorkflowExecutions.bind(service);
  const answer = async (request: ListRequest): Promise<ListResponse> => {
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
    const below = executions.filter(({ rootExecution }) => rootExecution?.workflowId === root);
    return { executions: below, nextPageToken: new Uint8Array() } as unknown as ListResponse;
  };
  Object.assign(service, { listWorkflowExecutions: answer });
}
