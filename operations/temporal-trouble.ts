import {
  NamespaceNotFoundError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  isGrpcServiceError,
} from '@temporalio/client';

/** gRPC status codes after which nothing was done: the request itself was refused. */
const REFUSED = new Set([3, 5, 6, 7, 9, 11, 12, 16]);

/**
 * What an error of Temporal's client means:
 * - `started`: a start found that the workflow runs, or ran, under this id already.
 * - `refused`: the server, or the client before it sent anything, said no; repeating does not help.
 * - `uncertain`: no answer came; the request may or may not have been carried out.
 */
export function troubleOf(error: unknown): 'started' | 'refused' | 'uncertain' {
  if (error instanceof WorkflowExecutionAlreadyStartedError) return 'started';
  if (error instanceof NamespaceNotFoundError) return 'refused';
  const status = grpcStatus(error);
  return status === null || REFUSED.has(status) ? 'refused' : 'uncertain';
}

/** The execution does not exist, or has ended already; not: the namespace does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError;
}

function grpcStatus(error: unknown): number | null {
  const inner = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(inner) ? inner.code : null;
}
