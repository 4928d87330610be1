import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gitActions } from './git-actions.ts';
import type { GitOptions } from './options.ts';

const AUTHOR = { name: 'Release Bot', email: 'bot@example.com' };

export interface TestRepository {
  readonly base: string;
  readonly workspace: string;
  /** A bare repository beside it, configured as `origin`. */
  readonly remote: string;
  /** The user's own git: with the repository's configuration, without that of the machine. */
  git(...args: readonly string[]): string;
  remoteGit(...args: readonly string[]): string;
  write(path: string, text: string): void;
  /** Writes, adds and commits one file; gives the commit. */
  commit(path: string, text: string, subject: string): string;
  actions(options?: Partial<GitOptions>): ReturnType<typeof gitActions>;
  remove(): void;
}

/** A real repository with one commit on `main`, and a real bare remote. */
export function makeRepository(): TestRepository {
  const base = mkdtempSync(join(tmpdir(), 'holdpoint-git-'));
  const [workspace, remote, home] = [join(base, 'work'), join(base, 'remote.git'), join(base, 'home')];
  for (const folder of [workspace, home]) mkdirSync(folder);
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    GIT_TERMINAL_PROMPT: '0',
  };
  const run = (cwd: string, args: readonly string[]) => execFileSync('git', args, { cwd, env, encoding: 'utf8', stdio: 'pipe' }).trim();
  run(base, ['init', '-q', '--bare', '-b', 'main', remote]);
  run(base, ['init', '-q', '-b', 'main', workspace]);
  run(workspace, ['remote', 'add', 'origin', remote]);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  };
  const commit = (path: string, text: string, subject: string) => {
    write(path, text);
    run(workspace, ['add', '--', path]);
    run(workspace, ['commit', '-q', '-m', subject]);
    return run(workspace, ['rev-parse', 'HEAD']);
  };
  commit('readme.md', 'One\n', 'Begin');
  return {
    base,
    workspace,
    remote,
    write,
    commit,
    git: (...args) => run(workspace, args),
    remoteGit: (...args) => run(remote, args),
    actions: (options) => gitActions({ workspace, scratch: join(base, 'scratch'), author: AUTHOR, ...options }),
    remove: () => rmSync(base, { recursive: true }),
  };
}
