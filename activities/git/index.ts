export { gitActions } from './git-actions.ts';
export type { GitOptions, Protocol, Remote } from './options.ts';
