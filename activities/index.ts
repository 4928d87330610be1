export { defineAction, NothingHappened } from './define-action.ts';
export type {
  Action,
  ActionContext,
  ActionDefinition,
  ActionLog,
  ActionTree,
  Evidence,
  ResolveContext,
  Resolved,
} from './define-action.ts';
export { governActivities, linesToPaste } from './govern-activities.ts';
export type { ActivityMetadata, GovernedActivities } from './govern-activities.ts';
export { registerActions } from './registry.ts';
export type { ActionRegistry, RegisteredAction } from './registry.ts';
export type { SecretSource } from './secrets.ts';
export { createGate, gateActivities } from './gate/interceptor.ts';
export { createResultStore } from './gate/results.ts';
export { createGapCounter } from './gate/gap-counter.ts';
export type { GapCounter } from './gate/gap-counter.ts';
export type { AdoptionTerms } from './gate/adoption.ts';
export type { DescribedExecution, GateParts, Policies, RunIdentity } from './gate/parts.ts';
