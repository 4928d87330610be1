import { appendFileSync, chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { actionContext } from '../files/action-context.fixture.ts';
import type { TestRepository } from './repository.fixture.ts';
import { makeRepository } from './repository.fixture.ts';

let repository: TestRepository;
let git: ReturnType<TestRepository['actions']>;
const context = actionContext(undefined);

beforeEach(() => {
  repository = makeRepository();
  git = repository.actions();
});
afterEach(() => repository.remove());

describe('git.log', () => {
  it('lists commits newest first, with subject, body, author and date', async () => {
    repository.write('a.txt', 'a');
    repository.git('add', '.');
    repository.git('commit', '-q', '-m', 'Add a\n\nBecause | of "this"\nand that.', '--date', '2024-05-06T07:08:09+02:00');
    const { commits, truncated } = await git.log.run({}, context);
    expect(truncated).toBe(false);
    expect(commits).toEqual([
      {
        hash: repository.git('rev-parse', 'HEAD'),
        subject: 'Add a',
        body: 'Because | of "this"\nand that.',
        author: 'Ada',
        email: 'ada@example.com',
        date: '2024-05-06T07:08:09+02:00',
      },
      expect.objectContaining({ subject: 'Begin', body: '' }),
    ]);
  });

  it('lists only what came since a tag, an object id or a branch, and at most so many', async () => {
    repository.git('tag', '-a', '-m', 'First', 'v1.0.0');
    const first = repository.git('rev-parse', 'HEAD');
    for (const name of ['b', 'c', 'd']) repository.commit(name, name, `Add ${name}`);
    for (const since of ['refs/tags/v1.0.0', first]) {
      const { commits } = await git.log.run({ since }, context);
      expect(commits.map(({ subject }) => subject)).toEqual(['Add d', 'Add c', 'Add b']);
    }
    const cut = await git.log.run({ since: first, max: 2 }, context);
    expect([cut.commits.length, cut.truncated]).toEqual([2, true]);
    expect((await git.log.run({ until: first }, context)).commits).toHaveLength(1);
    expect((await git.log.run({ since: 'refs/heads/main' }, context)).commits).toEqual([]);
  });

  it('says which revision is unknown, and lists nothing where there is no commit yet', async () => {
    await expect(git.log.run({ since: 'refs/tags/v9' }, context)).rejects.toMatchObject({ code: 'git_revision_unknown' });
    repository.git('checkout', '-q', '--orphan', 'new');
    expect(await git.log.run({}, context)).toEqual({ commits: [], truncated: false });
  });

  it('is not deceived by replaced objects', async () => {
    const second = repository.commit('b', 'b', 'Honest');
    repository.git('replace', second, repository.git('commit-tree', '-m', 'Forged', 'HEAD^{tree}'));
    expect(repository.git('log', '-1', '--format=%s')).toBe('Forged');
    expect((await git.log.run({}, context)).commits.map(({ subject }) => subject)).toEqual(['Honest', 'Begin']);
  });

  it.each(['-n1', '--output=/tmp/x', 'v1.0.0', 'HEAD~1', 'main..x', 'refs/heads/a:b', 'refs/tags/', 'refs/heads/@{-1}', ''])(
    'refuses %j as a revision',
    (since) => {
      expect(git.log.input.safeParse({ since }).success).toBe(false);
    },
  );
});

describe('git.latestTag', () => {
  it('finds the highest version that HEAD contains, by number and not by letter', async () => {
    expect(await git.latestTag.run({}, context)).toEqual({ tag: null });
    for (const name of ['v1.9.0', 'v1.10.0', 'v1.10.0-rc.1', 'w9']) repository.git('tag', '-a', '-m', name, name);
    repository.git('checkout', '-q', '-b', 'side');
    repository.commit('s', 's', 'Side');
    repository.git('tag', 'v2.0.0');
    repository.git('checkout', '-q', 'main');
    repository.git('pack-refs', '--all');
    expect(await git.latestTag.run({ prefix: 'v' }, context)).toEqual({
      tag: {
        name: 'v1.10.0',
        ref: 'refs/tags/v1.10.0',
        objectId: repository.git('rev-parse', 'v1.10.0'),
        commit: repository.git('rev-parse', 'HEAD'),
      },
    });
    expect((await git.latestTag.run({}, context)).tag?.name).toBe('w9');
  });
});

describe('git.status', () => {
  it('names the branch, the commit and each change, and writes nothing', async () => {
    expect(await git.status.run({}, context)).toEqual({
      branch: 'main',
      commit: repository.git('rev-parse', 'HEAD'),
      clean: true,
      entries: [],
      truncated: false,
    });
    repository.write('readme.md', 'Two\n');
    repository.write('new file.txt', '');
    repository.write('ignored.log', '');
    appendFileSync(join(repository.workspace, '.git/info/exclude'), '*.log\n');
    expect(await git.status.run({}, context)).toMatchObject({
      clean: false,
      entries: [
        { path: 'readme.md', index: ' ', worktree: 'M' },
        { path: 'new file.txt', index: '?', worktree: '?' },
      ],
    });
    repository.git('checkout', '-q', '--detach');
    expect((await git.status.run({}, context)).branch).toBeNull();
    expect(readdirSync(join(repository.base, 'scratch'))).toEqual([]);
  });
});

describe('git.diff', () => {
  it('shows the work tree against HEAD, or two commits, cut at the limit', async () => {
    repository.write('readme.md', 'Two\n');
    const { text, truncated } = await git.diff.run({}, context);
    expect(text).toContain('-One\n+Two\n');
    expect(truncated).toBe(false);
    expect(await git.diff.run({ maxBytes: 10 }, context)).toEqual({ text: 'diff --git', truncated: true });
    const first = repository.git('rev-parse', 'HEAD');
    repository.commit('b', 'b', 'B');
    expect((await git.diff.run({ from: first, to: 'HEAD', paths: ['b'] }, context)).text).toContain('+++ b/b');
    expect((await git.diff.run({ from: first, to: 'HEAD', paths: ['*'] }, context)).text).toBe('');
  });

  it('accepts no path that leaves the workspace or reaches .git', () => {
    for (const path of ['../x', '/etc/passwd', '.git/config', '--output=x/../y', ':(top)x\0']) {
      expect(git.diff.input.safeParse({ paths: [path] }).success).toBe(path === ':(top)x');
    }
  });
});

describe('a repository of another kind', () => {
  const refused = (what: RegExp) =>
    expect(git.status.run({}, context)).rejects.toMatchObject({ code: 'git_unsupported', message: expect.stringMatching(what) as string });
  const gitPath = (name: string) => join(repository.workspace, '.git', name);

  it('is refused where .git is a file: a linked work tree or a submodule', async () => {
    repository.git('worktree', 'add', '-q', join(repository.base, 'linked'));
    const linked = repository.actions({ workspace: join(repository.base, 'linked') });
    await expect(linked.status.run({}, context)).rejects.toThrow(/linked work trees and submodules are not supported/);
  });

  it('is refused without a .git folder, and bare', async () => {
    await expect(repository.actions({ workspace: repository.base }).status.run({}, context)).rejects.toThrow(/has no \.git folder/);
    repository.git('config', 'core.bare', 'true');
    await refused(/bare/);
  });

  it.each([
    ['extensions.objectFormat', 'sha256', /objectformat = sha256/],
    ['extensions.refStorage', 'reftable', /refstorage = reftable/],
    ['extensions.partialClone', 'origin', /partialclone/],
    ['extensions.worktreeConfig', 'true', /worktreeconfig/],
    ['core.repositoryFormatVersion', '2', /format version 2/],
    ['core.worktree', '/tmp', /another work tree/],
    ['core.sparseCheckout', 'true', /sparse/],
  ])('is refused with %s = %s', async (key, value, what) => {
    repository.git('config', key, value);
    await refused(what);
  });

  it('is refused when it borrows objects, splits its index or keeps links for its parts', async () => {
    writeFileSync(gitPath('sharedindex.1234'), '');
    await refused(/split index/);
    rmSync(gitPath('sharedindex.1234'));
    mkdirSync(gitPath('objects/info'), { recursive: true });
    writeFileSync(gitPath('objects/info/alternates'), '/elsewhere\n');
    await refused(/borrows objects/);
    rmSync(gitPath('objects/info/alternates'));
    rmSync(gitPath('config'));
    symlinkSync('/etc/passwd', gitPath('config'));
    await refused(/config is not a regular file/);
  });

  it('is refused when HEAD is no plain branch', async () => {
    writeFileSync(gitPath('HEAD'), 'ref: refs/heads/../../x\n');
    await refused(/HEAD names neither/);
  });
});

describe('the options of git', () => {
  it('are checked when the actions are made', () => {
    expect(() => repository.actions({ workspace: 'here' })).toThrow(/"workspace" is an absolute path; got "here"/);
    expect(() => repository.actions({ author: { name: 'A <b>', email: 'x' } })).toThrow(/"author.name"/);
    expect(() => repository.actions({ protocols: ['ext' as 'file'] })).toThrow(/"protocols" are of file, https, ssh; got "ext"/);
    expect(() => repository.actions({ protocols: ['ssh'] })).toThrow(/needs "ssh"/);
  });

  it('never let git itself be taken from the workspace', async () => {
    repository.write('git', '#!/bin/sh\necho stolen\n');
    chmodSync(join(repository.workspace, 'git'), 0o755);
    expect(() => repository.actions({ path: `${repository.workspace}:relative:` })).toThrow(/"path" has no absolute folder/);
    const without = repository.actions({ path: `${repository.workspace}:.::${repository.base}` });
    await expect(without.status.run({}, context)).rejects.toMatchObject({ code: 'git_not_started' });
  });

  it('end git when the call is aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(git.status.run({}, actionContext(undefined, { signal }))).rejects.toMatchObject({ code: 'git_aborted' });
  });
});
