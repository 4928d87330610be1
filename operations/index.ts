export { startRun } from './start.ts';
export type { RunAsk } from './start.ts';
export { drawRunId } from './run-id.ts';
export { killRuns } from './kill.ts';
export { createWakeDeliverer } from './deliver-wake.ts';
export { createStopDeliverer } from './deliver-stop.ts';
export { createReconciler } from './reconcile.ts';
export type { Reconciler } from './reconcile.ts';
export type { OperationsLog } from './loop.ts';
