export { createClient } from './client.ts';
export type { Client } from './client.ts';
export { findServer } from './find-server.ts';
export type { FoundServer } from './find-server.ts';
export { renderHold } from './render/hold.ts';
