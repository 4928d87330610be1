export { agentPrincipal, createDirectory, personPrincipal } from './people.ts';
export type { Directory, DirectoryOptions, Person } from './people.ts';
export { checkEdit, checkResult, editableFields } from './edits.ts';
export type { EditAsk } from './edits.ts';
export { decide } from './decide.ts';
export type { DecideAsk, DecideDeps, Decider, Decision } from './decide.ts';
export { fromLedger } from './ledger-refusal.ts';
