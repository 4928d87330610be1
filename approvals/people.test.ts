import { describe, expect, it } from 'vitest';
import { createDirectory } from './people.ts';

const directory = createDirectory({
  people: { ada: { name: 'Ada L.' }, ben: {}, 'cy@example.com': {} },
  groups: { 'release-managers': ['ada', 'person:ben', 'ada'], operators: ['ben'], empty: [] },
});

describe('a directory', () => {
  it('knows people by their principal and falls back to the id for a name', () => {
    expect(directory.person('person:ada')).toEqual({ principal: 'person:ada', name: 'Ada L.' });
    expect(directory.person('person:ben')?.name).toBe('ben');
    expect(directory.person('person:cy@example.com')).not.toBeNull();
  });

  it('knows no agent, no bare id and no inherited name as a person', () => {
    for (const stranger of ['agent:ada', 'ada', 'person:toString', 'person:__proto__', '']) {
      expect(directory.person(stranger)).toBeNull();
      expect(directory.groupsOf(stranger)).toEqual([]);
    }
    expect(directory.membersOf('constructor')).toEqual([]);
  });

  it('lists groups both ways and counts a member who is listed twice once', () => {
    expect(directory.groupsOf('person:ben')).toEqual(['release-managers', 'operators']);
    expect(directory.membersOf('release-managers')).toEqual(['person:ada', 'person:ben']);
    expect(directory.groups()['operators']).toEqual(['person:ben']);
    expect(directory.sizes()).toEqual({ 'release-managers': 2, operators: 1, empty: 0 });
  });

  it('refuses a member who is nobody, and an agent as a member', () => {
    for (const member of ['dora', 'agent:release-bot']) {
      expect(() => createDirectory({ people: { ada: {} }, groups: { operators: [member] } })).toThrowError(
        expect.objectContaining({ code: 'group_member_unknown' }),
      );
    }
  });

  it('refuses ids that could not be told apart in a principal', () => {
    for (const id of ['', 'a b', 'person:ada', '-x', 'a\u200b']) {
      expect(() => createDirectory({ people: { [id]: {} }, groups: {} })).toThrowError(expect.objectContaining({ code: 'person_invalid' }));
    }
  });
});
