export { assemble } from './assemble.ts';
export type { Installation } from './assemble.ts';
export { bundleWorkflows } from './bundle-workflows.ts';
