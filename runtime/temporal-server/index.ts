export { ensureTemporalServer } from './ensure-temporal-server.ts';
export type { EnsureTemporalOptions, TemporalRoute, TemporalServer } from './ensure-temporal-server.ts';
export { startTestServer } from './start-test-server.ts';
export type { TestServer } from './start-test-server.ts';
export { isAlive, processRef } from './processes.ts';
