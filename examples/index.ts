export { releaseActions } from './release/actions.ts';
export type { ReleaseActions, ReleasePlace } from './release/actions.ts';
export { demo } from './runaway/actions.ts';
