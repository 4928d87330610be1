import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGitFolder, pathFault, rootedPath } from './rooted-path.ts';

describe('a rooted path', () => {
  it.each(['a', 'docs/guide.md', '.gitignore', '.github/workflows/ci.yml', 'git', 'a.git', '...', 'größe/日本.txt', 'git~', '.gitx'])(
    'may be %j',
    (path) => {
      expect(pathFault(path)).toBeNull();
    },
  );

  it.each([
    ['', 'is empty'],
    ['/etc/passwd', 'is absolute'],
    ['..', '".."'],
    ['a/../b', '".."'],
    ['./a', '"."'],
    ['a//b', 'empty component'],
    ['a/', 'empty component'],
    ['a\\b', 'backslash'],
    ['a\0b', 'control character'],
    ['a\nb', 'control character'],
    ['a\u001b[31m', 'control character'],
    ['a\u202eb', 'invisible'],
    ['.g\u200cit/config', 'invisible'],
    ['.git\ufeff/config', 'invisible'],
    ['.g\u034fit', 'invisible'],
    ['a\ud800', 'control character or one that is invisible'],
    [`${'a/'.repeat(600)}a`, 'longer than'],
    ['a'.repeat(256), 'longer than'],
  ])('is not %j', (path, rule) => {
    expect(pathFault(path)).toContain(rule);
    expect(rootedPath.safeParse(path).success).toBe(false);
  });

  it.each([
    '.git',
    '.GIT',
    '.Git',
    '.git.',
    '.git ',
    '.git . .',
    'git~1',
    'GIT~2',
    '.git::$INDEX_ALLOCATION',
    '.git:x',
    '\uff0egit',
    '.ｇｉｔ',
  ])('has no component %j, which is .git to some file system', (name) => {
    expect(isGitFolder(name)).toBe(true);
    expect(pathFault(`sub/${name}/hooks/pre-push`)).not.toBeNull();
  });

  it('never leaves the root, whatever it is made of', () => {
    const piece = fc.constantFrom('a', '..', '.', '/', '//', '\\', '\0', '.git', '\u200d', 'b c', '~');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const path = pieces.join('');
        if (pathFault(path) !== null) return;
        expect(new URL(encodeURI(path), 'file:///root/').pathname.startsWith('/root/')).toBe(true);
        expect(path.split('/').some((component) => component === '..' || isGitFolder(component))).toBe(false);
      }),
    );
  });
});
