export { httpActions } from './http-actions.ts';
export type { HttpOptions } from './options.ts';
