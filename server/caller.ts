import { createHash } from 'node:crypto';
import type { Directory } from '../approvals/index.ts';
import { Refusal } from '../core/index.ts';
import type { Principal } from '../core/index.ts';
import { findToken } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';

export interface PersonCaller {
  readonly kind: 'person';
  readonly principal: Principal;
  readonly token: string;
}
export interface MachineCaller {
  readonly kind: 'machine';
  readonly principal: Principal;
  /** The agent that the token speaks for. */
  readonly agent: string;
  /** Who made the token. */
  readonly owner: Principal | null;
  readonly token: string;
}
export type Caller = PersonCaller | MachineCaller;

/**
 * Who may use a route: `anyone` without a token, a `reader` with any, a `person` whom the configuration
 * knows, an `operator` among them.
 */
export type Who = 'anyone' | 'reader' | 'person' | 'operator';
export type CallerOf<W extends Who> = W extends 'anyone' ? null : W extends 'reader' ? Caller : PersonCaller;

const OPERATORS = 'operators';

/** Tokens are kept as hashes alone. */
export function hashToken(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}

/** Whose token came with the request. Throws `Refusal` `token_missing` or `token_unknown`. */
export async function authenticate(db: Database, header: string | undefined): Promise<Caller> {
  const secret = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  if (secret === undefined) {
    throw new Refusal('refused', 'token_missing', 'This route needs a token, as "Authorization: Bearer TOKEN".', {
      hint: 'Set HOLDPOINT_TOKEN or --token; on the machine of "holdpoint up" it is found by itself.',
    });
  }
  const token = await findToken(db, hashToken(secret));
  if (token === null) {
    throw new Refusal('refused', 'token_unknown', 'The token is unknown or was revoked.', {
      hint: 'Get a new one: holdpoint token create',
    });
  }
  if (token.kind === 'person') return { kind: 'person', principal: token.principal, token: token.id };
  return {
    kind: 'machine',
    principal: token.principal,
    agent: token.principal.replace(/^agent:/, ''),
    owner: token.owner,
    token: token.id,
  };
}

/** Throws `Refusal` `machine_token`, `person_unknown` or `operator_required`. */
export function requirePerson(caller: Caller, directory: Directory): PersonCaller {
  if (caller.kind === 'machine') {
    throw new Refusal('refused', 'machine_token', `Only a person may do this; the token is of ${caller.principal}.`, {
      hint: "Use a person's token: machines start runs and read, and never decide, raise or kill.",
    });
  }
  if (directory.person(caller.principal) === null) {
    throw new Refusal('refused', 'person_unknown', `${caller.principal} is not among the people of this installation.`, {
      hint: 'List the person under people in holdpoint.config.yaml; until then the token only reads.',
    });
  }
  return caller;
}

export function requireOperator(caller: Caller, directory: Directory): PersonCaller {
  const person = requirePerson(caller, directory);
  if (directory.membersOf(OPERATORS).includes(person.principal)) return person;
  throw new Refusal('refused', 'operator_required', `Only members of "${OPERATORS}" may do this; ${person.principal} is not one.`, {
    hint: `Ask an operator, or add the person to groups.${OPERATORS} in holdpoint.config.yaml.`,
  });
}
