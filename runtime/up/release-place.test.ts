import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareReleasePlace } from './release-place.ts';
import type { ReleasePlace } from './release-place.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdpoint-place-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ENV = {
  PATH: process.env['PATH'] ?? '',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
};
const git = (cwd: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd, env: ENV, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

function repository(name = 'source', commits = 2): string {
  const path = join(folder, name);
  mkdirSync(path);
  git(path, 'init', '-q', '-b', 'trunk');
  for (let count = 1; count <= commits; count += 1) {
    writeFileSync(join(path, 'file.txt'), String(count));
    git(path, 'add', '.');
    git(path, 'commit', '-qm', `commit ${count}`);
    if (count === 1) git(path, 'tag', 'v1.0.0');
  }
  return path;
}

const place = (repo: string | null, rest: { keep?: boolean; cwd?: string } = {}): Promise<ReleasePlace> =>
  prepareReleasePlace({ home: join(folder, 'home'), repo, cwd: folder, keep: false, ...rest });
const head = (path: string): string => git(path, 'rev-parse', 'HEAD');

/** Every file of a folder with its size and time: nobody has touched it while these stay. */
function traces(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const { size, mtimeMs } = statSync(file);
      return `${file} ${size} ${mtimeMs}`;
    });
}

describe('a place to release from', () => {
  it('is a bare remote and a clone with the source’s commits and tags; the source is only read', async () => {
    const source = repository();
    const before = traces(source);
    const made = await place(source);
    expect([head(made.repository), git(made.remote, 'rev-parse', 'main')]).toEqual([head(source), head(source)]);
    expect(git(made.repository, 'tag')).toBe('v1.0.0');
    expect(git(made.repository, 'remote', 'get-url', 'origin')).toBe(made.remote);
    expect(traces(source)).toEqual(before);
  });

  it.each([
    [
      'a bare repository',
      (source: string) => {
        git(folder, 'clone', '-q', '--bare', source, 'bare.git');
        return join(folder, 'bare.git');
      },
    ],
    [
      'a repository with a detached head',
      (source: string) => {
        git(source, 'checkout', '-q', '--detach', 'HEAD~1');
        return source;
      },
    ],
    [
      'a shallow clone',
      (source: string) => {
        git(folder, 'clone', '-q', '--depth', '1', `file://${source}`, 'shallow');
        return join(folder, 'shallow');
      },
    ],
    [
      'a folder within a repository',
      (source: string) => {
        mkdirSync(join(source, 'sub'));
        return join(source, 'sub');
      },
    ],
    [
      'a linked work tree',
      (source: string) => {
        git(source, 'worktree', 'add', '-q', '../tree', 'HEAD~1');
        return join(folder, 'tree');
      },
    ],
  ])('is made from %s', async (_, make) => {
    const source = make(repository());
    const made = await place(source);
    expect(head(made.repository)).toBe(head(source));
  });

  it.each([
    ['a repository without commits', () => repository('empty', 0)],
    ['a folder that is no repository', () => folder],
    ['a path that is not there', () => join(folder, 'nowhere')],
    [
      'a file',
      () => {
        writeFileSync(join(folder, 'f'), '');
        return join(folder, 'f');
      },
    ],
  ])('is refused from %s, by its path', async (_, make) => {
    const path = make();
    await expect(place(path)).rejects.toMatchObject({ code: 'repo_invalid', message: expect.stringContaining(path) as string });
  });

  it('is made anew where the source went on, also where a tag of the source moved, and keeps what was released', async () => {
    const source = repository();
    const made = await place(source);
    git(made.repository, 'tag', 'v1.1.0');
    git(made.repository, 'push', '-q', 'origin', 'v1.1.0');
    git(source, 'tag', '-f', 'v1.0.0');
    writeFileSync(join(source, 'more.txt'), 'more');
    git(source, 'add', '.');
    git(source, 'commit', '-qm', 'more');
    const again = await place(source);
    expect(git(again.repository, 'tag').split('\n')).toEqual(['v1.0.0', 'v1.1.0']);
    expect(git(again.repository, 'merge-base', '--is-ancestor', head(source), 'HEAD')).toBe('');
  });

  it('is left as it is while a run works in it', async () => {
    const made = await place(repository());
    writeFileSync(join(made.repository, 'under-way.txt'), 'x');
    await place(null, { keep: true });
    expect(existsSync(join(made.repository, 'under-way.txt'))).toBe(true);
  });

  it('is a sample where there is no repository at all, and a half-made one is made again', async () => {
    const sample = join(folder, 'home/release/sample.new');
    mkdirSync(sample, { recursive: true });
    git(sample, 'init', '-q');
    const made = await place(null);
    expect(git(made.repository, 'log', '--format=%s').split('\n')).toHaveLength(3);
    expect(git(made.repository, 'tag')).toBe('v1.0.0');
  });
});

it('runs nothing that the source names: hooks, filters, programs of its configuration', async () => {
  const source = repository();
  const trace = join(folder, 'ran');
  const program = join(folder, 'evil.sh');
  writeFileSync(program, `#!/bin/sh\necho "$0 $@" >> ${trace}\nexit 1\n`);
  chmodSync(program, 0o755);
  for (const hook of ['post-checkout', 'pre-receive', 'reference-transaction', 'post-merge', 'pre-push', 'post-index-change']) {
    writeFileSync(join(source, '.git/hooks', hook), `#!/bin/sh\necho hook >> ${trace}\n`);
    chmodSync(join(source, '.git/hooks', hook), 0o755);
  }
  for (const [name, value] of [
    ['core.fsmonitor', program],
    ['core.sshCommand', program],
    ['core.hooksPath', join(source, '.git/hooks')],
    ['core.pager', program],
    ['core.editor', program],
    ['core.alternateRefsCommand', program],
    ['core.gitProxy', program],
    ['uploadpack.packObjectsHook', program],
    ['gpg.program', program],
    ['filter.evil.smudge', program],
    ['filter.evil.clean', program],
    ['filter.evil.process', program],
    ['merge.evil.driver', program],
    ['diff.external', program],
    ['credential.helper', program],
    ['url.ext::sh.insteadOf', '/'],
    ['remote.origin.url', `ext::${program}`],
    ['remote.origin.uploadpack', program],
    ['remote.origin.promisor', 'true'],
    ['extensions.partialClone', 'origin'],
    ['core.repositoryFormatVersion', '1'],
    ['init.templateDir', source],
  ] as const)
    git(source, 'config', name, value);
  writeFileSync(join(source, '.gitattributes'), '* filter=evil merge=evil diff=evil\n');
  execFileSync(
    'git',
    ['-c', 'filter.evil.clean=cat', '-c', 'filter.evil.process=', '-c', 'core.fsmonitor=', '-c', 'core.hooksPath=/dev/null', 'add', '.'],
    { cwd: source, env: ENV },
  );
  execFileSync(
    'git',
    [
      '-c',
      'core.fsmonitor=',
      '-c',
      'core.hooksPath=/dev/null',
      '-c',
      'filter.evil.process=',
      '-c',
      'filter.evil.clean=cat',
      'commit',
      '-qm',
      'attributes',
    ],
    { cwd: source, env: ENV },
  );
  rmSync(trace, { force: true });
  const made = await place(source);
  expect(existsSync(join(made.repository, 'file.txt'))).toBe(true);
  await place(source);
  expect(existsSync(trace)).toBe(false);

  // What the source lacks it may name a program to fetch.
  const blob = git(source, 'rev-parse', 'HEAD:file.txt');
  rmSync(join(source, '.git/objects', blob.slice(0, 2), blob.slice(2)));
  rmSync(join(folder, 'home'), { recursive: true });
  await expect(place(source)).rejects.toMatchObject({ code: 'repo_invalid' });
  expect(existsSync(trace)).toBe(false);
});
