export { agentPrincipal, createDirectory, personPrincipal } from './people.ts';
export type { Directory, DirectoryOptions, Person } from './people.ts';
export { checkEdit, checkResult, editableFields } from './edits.ts';
export type { EditAsk } from './edits.ts';
