import { describe, expect, it } from 'vitest';
import { groupCommits, nextVersion, withEntry } from './compose-release.ts';

const commit = (subject: string, body = ''): { hash: string; subject: string; body: string } => ({
  hash: '0123456789abcdef',
  subject,
  body,
});

describe('a release composed from commits', () => {
  it('groups conventional and plain subjects by what they mean to a reader', () => {
    const groups = groupCommits([commit('feat(api): pages'), commit('Fix the clock'), commit('docs: typo'), commit('feat!: drop v1')]);
    expect(groups.map(({ group, commits }) => [group, commits.length])).toEqual([
      ['Breaking', 1],
      ['Added', 1],
      ['Fixed', 1],
      ['Changed', 1],
    ]);
  });

  it.each([
    [null, ['fix: a'], '0.1.0'],
    ['v1.2.3', ['fix: a'], '1.2.4'],
    ['v1.2.3', ['feat: a', 'fix: b'], '1.3.0'],
    ['v1.2.3', ['feat!: a'], '2.0.0'],
    ['v0.2.3', ['feat!: a'], '0.3.0'],
    ['not-a-version', ['fix: a'], '0.1.0'],
  ])('after %s, %j is version %s', (tag, subjects, version) => {
    expect(
      nextVersion(
        tag,
        subjects.map((subject) => commit(subject)),
      ),
    ).toBe(version);
  });

  it('puts the entry above earlier ones and keeps the rest to the letter', () => {
    const before = '# Changelog\n\nWords.\n\n## 1.0.0\n\n- old\n';
    expect(withEntry(before, '1.1.0', [commit('feat: new')])).toBe(
      '# Changelog\n\nWords.\n\n## 1.1.0\n\n### Added\n\n- new (012345678)\n\n## 1.0.0\n\n- old\n',
    );
    expect(withEntry('', '0.1.0', [commit('Something')])).toBe('# Changelog\n\n## 0.1.0\n\n### Changed\n\n- Something (012345678)\n');
  });
});
