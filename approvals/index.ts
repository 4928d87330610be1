export { agentPrincipal, createDirectory, personPrincipal } from './people.ts';
export type { Directory } from './people.ts';
export { decide } from './decide.ts';
export type { DecideAsk, Decider, Decision } from './decide.ts';
export { schemaChecker } from './schema.ts';
export { fromLedger } from './ledger-refusal.ts';
