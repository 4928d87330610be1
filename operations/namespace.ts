import type { Client } from '@temporalio/client';
import { bindNamespace } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';

/**
 * Whether the namespace that this client reaches is the one that the ledger belongs to: the first that was
 * ever asked about is. Compared by the namespace's own id, which a server with other data does not share;
 * only where it matches does "not found" say that a workflow is gone.
 */
export async function namespaceMatches(db: Database, client: Client): Promise<boolean> {
  const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace: client.options.namespace });
  const id = namespaceInfo?.id;
  if (!id) return false;
  return await bindNamespace(db, id);
}
