import { chmodSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NothingHappened } from '../define-action.ts';
import { actionContext, resolveContext } from '../files/action-context.fixture.ts';
import type { TestRepository } from './repository.fixture.ts';
import { makeRepository } from './repository.fixture.ts';

let repository: TestRepository;
let git: ReturnType<TestRepository['actions']>;

beforeEach(() => {
  repository = makeRepository();
  git = repository.actions();
});
afterEach(() => repository.remove());

const judged = async (paths: string[]) => (await git.commit.resolve!({ paths, message: 'x' }, resolveContext)).facts;
const commit = async (paths: string[], message: string, facts?: Awaited<ReturnType<typeof judged>>) =>
  git.commit.run({ paths, message }, actionContext(facts ?? (await judged(paths))));

describe('git.commit', () => {
  it('commits exactly the named files, new, changed and removed, with our author, and leaves the rest as it was', async () => {
    repository.commit('old.txt', 'old', 'Old');
    const parent = repository.git('rev-parse', 'HEAD');
    repository.write('readme.md', 'Two\n');
    repository.write('docs/new.md', 'New\n');
    rmSync(join(repository.workspace, 'old.txt'));
    repository.write('staged.txt', 'staged by hand');
    repository.git('add', 'staged.txt');
    repository.write('loose.txt', 'loose');
    const made = await commit(['readme.md', 'docs/new.md', 'old.txt'], 'Change three\n\nWith a body.\n');
    expect(made).toEqual({
      commit: repository.git('rev-parse', 'main'),
      branch: 'refs/heads/main',
      tree: repository.git('rev-parse', 'main^{tree}'),
    });
    expect(repository.git('log', '-1', '--format=%P|%an|%ce|%B')).toBe(
      `${parent}|Release Bot|bot@example.com|Change three\n\nWith a body.`,
    );
    expect(repository.git('show', '--name-status', '--format=', 'HEAD').split('\n')).toEqual([
      'A\tdocs/new.md',
      'D\told.txt',
      'M\treadme.md',
    ]);
    expect(repository.git('status', '--short').split('\n')).toEqual(['A  staged.txt', '?? loose.txt']);
    expect(repository.git('fsck', '--strict')).toBe('');
  });

  it('resolves branch, parent and tree without writing to the repository, and shows what will change', async () => {
    repository.write('run.sh', '#!/bin/sh\n');
    chmodSync(join(repository.workspace, 'run.sh'), 0o755);
    const objects = repository.git('count-objects');
    const { facts, evidence } = await git.commit.resolve!({ paths: ['run.sh'], message: 'x' }, resolveContext);
    expect(facts).toEqual({
      branch: 'refs/heads/main',
      parent: repository.git('rev-parse', 'HEAD'),
      tree: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(evidence?.[0]?.text).toMatch(/new file mode 100755[^]*\+#!\/bin\/sh/);
    expect(repository.git('count-objects')).toBe(objects);
    expect(repository.git('status', '--short')).toBe('?? run.sh');
    expect((await commit(['run.sh'], 'Add', facts)).tree).toBe(facts.tree);
  });

  it('does nothing when bytes, mode or branch are no longer what was judged', async () => {
    repository.write('a.sh', 'one');
    const facts = await judged(['a.sh']);
    repository.write('a.sh', 'two');
    await expect(commit(['a.sh'], 'm', facts)).rejects.toThrow(NothingHappened);
    repository.write('a.sh', 'one');
    chmodSync(join(repository.workspace, 'a.sh'), 0o755);
    await expect(commit(['a.sh'], 'm', facts)).rejects.toThrow(/have changed since the call was judged/);
    chmodSync(join(repository.workspace, 'a.sh'), 0o644);
    const before = repository.commit('other', 'o', 'Other');
    await expect(commit(['a.sh'], 'm', facts)).rejects.toThrow(NothingHappened);
    expect(repository.git('rev-parse', 'main')).toBe(before);
  });

  it('is done when an earlier attempt made the commit, and refuses to make an empty one', async () => {
    repository.write('a', 'a');
    const facts = await judged(['a']);
    const first = await commit(['a'], 'Add a', facts);
    expect(await commit(['a'], 'Add a', facts)).toEqual(first);
    expect(await commit(['a'], 'Add a')).toEqual(first);
    await expect(commit(['a'], 'Again')).rejects.toThrow(/already as the branch has them/);
    expect(repository.git('rev-list', '--count', 'main')).toBe('2');
  });

  it('makes the first commit of a branch', async () => {
    repository.git('checkout', '-q', '--orphan', 'fresh');
    repository.git('rm', '-q', '-r', '--cached', '.');
    const facts = await judged(['readme.md']);
    expect(facts.parent).toBeUndefined();
    await commit(['readme.md'], 'Fresh', facts);
    expect(repository.git('rev-list', '--count', 'fresh')).toBe('1');
    expect(repository.git('status', '--short')).toBe('');
  });

  it('refuses a detached HEAD, an unfinished merge and a locked index', async () => {
    repository.write('a', 'a');
    writeFileSync(join(repository.workspace, '.git/MERGE_HEAD'), '');
    await expect(judged(['a'])).rejects.toMatchObject({ code: 'git_busy' });
    rmSync(join(repository.workspace, '.git/MERGE_HEAD'));
    const facts = await judged(['a']);
    writeFileSync(join(repository.workspace, '.git/index.lock'), '');
    await expect(commit(['a'], 'm', facts)).rejects.toThrow(NothingHappened);
    rmSync(join(repository.workspace, '.git/index.lock'));
    repository.git('checkout', '-q', '--detach');
    await expect(judged(['a'])).rejects.toMatchObject({ code: 'git_head_detached' });
  });

  it('refuses files that a filter would change, and repositories within the repository', async () => {
    repository.write('.gitattributes', '*.bin filter=lfs\n');
    repository.write('big.bin', 'x');
    await expect(judged(['big.bin'])).rejects.toMatchObject({
      code: 'git_filter_unsupported',
      message: expect.stringContaining('"lfs"') as string,
    });
    repository.git('init', '-q', 'inner');
    repository.git('-C', 'inner', 'commit', '-q', '--allow-empty', '-m', 'x');
    await expect(judged(['inner'])).rejects.toMatchObject({ code: 'git_unsupported' });
  });

  it('reads nothing through a link', async () => {
    symlinkSync(repository.base, join(repository.workspace, 'up'));
    writeFileSync(join(repository.base, 'secret'), 'secret');
    await expect(judged(['up/secret'])).rejects.toMatchObject({ code: 'git_failed' });
  });

  it('takes no message that hides something, no .git and no path outside', () => {
    const ok = { paths: ['a'], message: 'm' };
    expect(git.commit.input.safeParse(ok).success).toBe(true);
    for (const bad of [
      { message: '' },
      { message: 'a\u001b[2J' },
      { paths: [] },
      { paths: ['../a'] },
      { paths: ['.GIT/config'] },
      { all: true },
    ]) {
      expect(git.commit.input.safeParse({ ...ok, ...bad }).success).toBe(false);
    }
  });
});

describe('git.tag', () => {
  const tag = (name: string, commitId: string, message = 'Version') =>
    git.tag.run({ name, commit: commitId, message }, actionContext(undefined));

  it('makes an annotated tag at the commit, with our author', async () => {
    const head = repository.git('rev-parse', 'HEAD');
    const made = await tag('v1.0.0', head, '# Version 1\n\n- kept as it is');
    expect(made).toEqual({ name: 'v1.0.0', ref: 'refs/tags/v1.0.0', objectId: repository.git('rev-parse', 'v1.0.0'), commit: head });
    expect(repository.git('cat-file', 'tag', 'v1.0.0')).toMatch(
      /tagger Release Bot <bot@example.com> [^]*\n\n# Version 1\n\n- kept as it is$/,
    );
  });

  it('is done when the tag is there already, and never moves one', async () => {
    const head = repository.git('rev-parse', 'HEAD');
    const made = await tag('v1', head);
    expect(await tag('v1', head)).toEqual(made);
    await expect(tag('v1', head, 'Other')).rejects.toThrow(NothingHappened);
    const next = repository.commit('b', 'b', 'B');
    await expect(tag('v1', next)).rejects.toThrow(/exists already/);
    repository.git('tag', 'light');
    await expect(tag('light', next)).rejects.toThrow(NothingHappened);
    expect(repository.git('rev-parse', 'v1')).toBe(made.objectId);
  });

  it('refuses what is no commit here', async () => {
    await expect(tag('v1', '1'.repeat(40))).rejects.toThrow(NothingHappened);
    await expect(tag('v1', repository.git('rev-parse', 'HEAD^{tree}'))).rejects.toThrow(/is no commit/);
  });

  it.each(['-f', '-d', '.x', 'a..b', 'a b', 'x.lock', 'HEAD', 'refs/../x', 'a//b', 'a/', '@{u}', 'ü', 'a\n', '', 'a:b', 'a~1', 'a^', 'a*'])(
    'refuses the name %j',
    (name) => {
      expect(git.tag.input.safeParse({ name, commit: '1'.repeat(40), message: 'm' }).success).toBe(false);
    },
  );
});

it('leaves nothing behind in the scratch folder, which only its owner can read', async () => {
  repository.write('a', 'a');
  await commit(['a'], 'A');
  await expect(judged(['missing/deep'])).resolves.toBeDefined();
  expect(readdirSync(join(repository.base, 'scratch'))).toEqual([]);
  expect(statSync(join(repository.base, 'scratch')).mode & 0o077).toBe(0);
  expect(readFileSync(join(repository.workspace, '.git/HEAD'), 'utf8')).toBe('ref: refs/heads/main\n');
});
