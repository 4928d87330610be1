export { holdpoint, HoldpointPlugin } from './plugin/plugin.ts';
export type { HoldpointOptions } from './plugin/plugin.ts';
export { loadConfig } from './config/load-config.ts';
export type { Config } from './config/load-config.ts';
export { defineAction, governActivities, NothingHappened } from '../activities/index.ts';
export type { Action, ActionContext, ActionDefinition, ActionTree, ActivityMetadata } from '../activities/index.ts';
export { Refusal, usd } from '../core/index.ts';
