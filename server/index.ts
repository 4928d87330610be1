export { createApp } from './app.ts';
export { hashToken } from './caller.ts';
export type { PolicyDesk, PolicyListing, PolicyQuestion, RunKill, RunStart, ServerDeps } from './deps.ts';
export { createRoutes } from './routes/index.ts';
