export { proxyActions } from './proxy-actions.ts';
export type { ProxiedActions, ProxyActionsOptions } from './proxy-actions.ts';
export { denialOf, failureOf, refusalOf } from './answers.ts';
export { edits } from './edits.ts';
export type { EditNotice } from './edits.ts';
export { chain } from './chain.ts';
export type { ChainResult } from './chain.ts';
