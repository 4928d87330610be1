/** What the worker of `holdpoint up` can run when no project is configured. */
export { chain } from '../workflows/index.ts';
export { release } from './release/workflows.ts';
export { runaway } from './runaway/workflows.ts';
