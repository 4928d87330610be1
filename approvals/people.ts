import { Refusal } from '../core/index.ts';
import type { Principal } from '../core/index.ts';

export interface Person {
  readonly principal: Principal;
  readonly name: string;
}

/** Who the people are and which groups they are in, as the configuration states it. */
export interface Directory {
  /** The person behind `person:ID`, or null; agents are never people. */
  person(principal: Principal): Person | null;
  groupsOf(principal: Principal): readonly string[];
  /** Empty for a group that nobody configured. */
  membersOf(group: string): readonly Principal[];
  /** Every group's members: what a ruling is made against. */
  groups(): Readonly<Record<string, readonly Principal[]>>;
  /** Distinct members of every group: what a quorum is checked against. */
  sizes(): Readonly<Record<string, number>>;
}

export interface DirectoryOptions {
  /** By id: `ada` is the principal `person:ada`. */
  readonly people: Readonly<Record<string, { readonly name?: string | undefined }>>;
  /** Members by id, with or without `person:`. */
  readonly groups: Readonly<Record<string, readonly string[]>>;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/;

export function personPrincipal(id: string): Principal {
  return `person:${id}`;
}

export function agentPrincipal(id: string): Principal {
  return `agent:${id}`;
}

/**
 * Builds the directory. Throws `Refusal` `person_invalid` for an id that cannot be a principal's, and
 * `group_member_unknown` for a member who is not among the people: a group's size decides quorums.
 */
export function createDirectory({ people, groups }: DirectoryOptions): Directory {
  const persons = new Map<Principal, Person>();
  for (const [id, { name }] of Object.entries(people)) {
    checkId('people', id);
    const principal = personPrincipal(id);
    persons.set(principal, { principal, name: name ?? id });
  }
  const members = new Map<string, readonly Principal[]>();
  for (const [group, listed] of Object.entries(groups)) {
    checkId('groups', group);
    members.set(group, [...new Set(listed.map((member) => memberOf(group, member, persons)))]);
  }
  const all = Object.fromEntries(members);
  const sizes = Object.fromEntries([...members].map(([group, list]) => [group, list.length]));
  return {
    person: (principal) => persons.get(principal) ?? null,
    groupsOf: (principal) => [...members].filter(([, list]) => list.includes(principal)).map(([group]) => group),
    membersOf: (group) => members.get(group) ?? [],
    groups: () => all,
    sizes: () => sizes,
  };
}

function memberOf(group: string, member: string, persons: ReadonlyMap<Principal, Person>): Principal {
  const principal = member.startsWith('person:') ? member : personPrincipal(member);
  if (!persons.has(principal)) {
    throw new Refusal(
      'invalid',
      'group_member_unknown',
      `Members of groups.${group} are listed under people; got ${JSON.stringify(member)}.`,
      {
        hint: 'Add the person under people, or take the member out of the group. Agents cannot be members: machines never decide.',
        data: { group, member },
      },
    );
  }
  return principal;
}

function checkId(option: string, id: string): void {
  if (ID.test(id)) return;
  throw new Refusal(
    'invalid',
    'person_invalid',
    `Ids under ${option} are 1 to 100 letters, digits and . _ @ + -, beginning with a letter or digit; got ${JSON.stringify(id)}.`,
    {
      hint: 'Rename it in the configuration.',
      data: { option, id },
    },
  );
}
