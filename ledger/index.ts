export { LEDGER_ERROR_CODES, LedgerError } from './database.ts';
export type { Database, LedgerErrorCode, Queryable, Row } from './database.ts';
export { openPostgres } from './postgres.ts';
export type { PostgresOptions } from './postgres.ts';
export { openPglite } from './pglite.ts';
export type { PgliteOptions } from './pglite.ts';
export { LEDGER_VERSION, migrate, requireVersion } from './migrate.ts';
export { appendInstallationAudit, bindNamespace, findPolicySet, publishPolicySet, readInstallation } from './installation.ts';
export type { Installation } from './installation.ts';

export { claim } from './claim.ts';
export { settle } from './settle.ts';
export { renew } from './renew.ts';
export { withdrawCall } from './withdraw-call.ts';
export { findExecution, findRunIdentity, listExecutions, recordExecution, recordStart } from './executions.ts';
export type { ExecutionRecord, RunOfExecution } from './executions.ts';
export { forgetAgent, listAgents } from './agents.ts';
export type { AgentRecord } from './agents.ts';
export { addGaps, listGaps } from './gaps.ts';
export type { Gap, GapKind } from './gaps.ts';
export { listObserved } from './observed.ts';
export type { ObservedGroup, ObservedTotals } from './observed.ts';
export { listManifests, publishManifests } from './manifests.ts';
export { getBlob, putBlob } from './blobs.ts';

export { decideHold } from './decide-hold.ts';
export { expireHolds } from './expire-holds.ts';
export { findHold, findVotes, listHolds } from './find-holds.ts';
export type { HoldFilter } from './find-holds.ts';
export type { HoldRecord } from './hold-row.ts';

export { createRun } from './create-run.ts';
export type { NewRun } from './create-run.ts';
export { closeRun } from './close-run.ts';
export { fenceRuns } from './fence-runs.ts';
export type { FenceFilter } from './fence-runs.ts';
export { raiseRun } from './raise-run.ts';
export { findRun, listCalls, listRuns, runsToCheck } from './list-runs.ts';
export type { RunFilter } from './list-runs.ts';
export type { RunRecord } from './run-row.ts';
export type { CallRecord } from './call-row.ts';

export { deliveryAgain, deliveryDone, dueDeliveries, isAnswered } from './deliveries.ts';
export type { Delivery } from './deliveries.ts';
export { createToken, findToken, listTokens, revokeToken } from './tokens.ts';
export type { NewToken, TokenRecord } from './tokens.ts';
export { findResponse, rememberResponse } from './responses.ts';
export type { RememberedResponse } from './responses.ts';
export { listAudit, verifyAudit } from './audit.ts';
