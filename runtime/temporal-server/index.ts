export { ensureTemporalServer } from './ensure-temporal-server.ts';
export type { EnsureTemporalOptions, TemporalRoute, TemporalServer } from './ensure-temporal-server.ts';
export { isAlive, processRef } from './processes.ts';
