export { filesActions } from './files-actions.ts';
export type { FilesOptions } from './files-actions.ts';
export { rootedPath } from './rooted-path.ts';
