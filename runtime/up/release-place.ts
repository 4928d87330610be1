import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { Refusal } from '../../core/index.ts';

export interface ReleasePlace {
  /** The clone that the agent works in. */
  readonly repository: string;
  /** The bare repository beside it, which a push changes. */
  readonly remote: string;
  readonly scratch: string;
  /** For people: where the commits came from. */
  readonly source: string;
}

export interface ReleaseSource {
  readonly home: string;
  /** `--repo PATH`; null = the checkout that Holdpoint runs in. */
  readonly repo: string | null;
  readonly cwd: string;
  /** Leave clone and remote as they are: a run that works in them is still open. */
  readonly keep: boolean;
}

/**
 * A bare remote and a fresh clone of it, from a real repository. The source is only read. Throws `Refusal`
 * `repo_invalid`.
 */
export async function prepareReleasePlace({ home, repo, cwd, keep }: ReleaseSource): Promise<ReleasePlace> {
  const folder = join(home, 'release');
  const place = { repository: join(folder, 'repository'), remote: join(folder, 'remote.git'), scratch: join(folder, 'scratch') };
  await mkdir(place.scratch, { recursive: true });
  const source = await sourceOf(repo, cwd, folder);
  if (keep && existsSync(place.repository) && existsSync(place.remote)) return { ...place, source };
  try {
    if (!existsSync(place.remote)) await git(folder, ['init', '--quiet', '--bare', place.remote]);
    // Tags of the remote stay: they are what was released before. The source's own are added where they are new.
    await git(place.remote, ['fetch', '--quiet', '--no-write-fetch-head', '--update-head-ok', source, '+HEAD:refs/heads/main', 'refs/tags/*:refs/tags/*']);
    await git(place.remote, ['symbolic-ref', 'HEAD', 'refs/heads/main']);
    await rm(place.repository, { recursive: true, force: true });
    await git(folder, ['clone', '--quiet', '--no-hardlinks', place.remote, place.repository]);
  } catch (error) {
    throw invalid(source, error);
  }
  return { ...place, source };
}

async function sourceOf(repo: string | null, cwd: string, folder: string): Promise<string> {
  if (repo !== null) {
    const path = resolve(cwd, repo);
    if (!(await isRepository(path))) throw invalid(path, undefined);
    return path;
  }
  if (await isRepository(cwd)) return cwd;
  const sample = join(folder, 'sample');
  if (!existsSync(join(sample, '.git'))) await makeSample(sample);
  return sample;
}

async function isRepository(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  return git(path, ['rev-parse', '--verify', '--quiet', 'HEAD']).then(() => true, () => false);
}

/** Where there is no repository at all: three real commits and a tag, so that there is something to release. */
async function makeSample(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await git(folder, ['init', '--quiet', '--initial-branch=main']);
  const commit = async (file: string, text: string, message: string): Promise<void> => {
    await writeFile(join(folder, file), text);
    await git(folder, ['add', file]);
    await git(folder, ['commit', '--quiet', '--message', message]);
  };
  await commit('greeting.txt', 'Hello\n', 'Greet whoever comes');
  await git(folder, ['tag', '--annotate', '--message', 'First', 'v1.0.0']);
  await commit('greeting.txt', 'Hello, world\n', 'feat: greet the whole world');
  await commit('farewell.txt', 'Goodbye\n', 'fix: say goodbye as well');
}

/** Git in our own name: no configuration but the repository's, no hooks, no questions. */
async function git(cwd: string, args: readonly string[]): Promise<void> {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: cwd, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'sample', GIT_AUTHOR_EMAIL: 'sample@localhost', GIT_COMMITTER_NAME: 'sample', GIT_COMMITTER_EMAIL: 'sample@localhost',
  };
  await promisify(execFile)('git', ['-c', 'core.hooksPath=/dev/null', '-c', 'safe.directory=*', ...args], { cwd, env });
}

function invalid(path: string, cause: unknown): Refusal {
  const why = cause instanceof Error ? ` ${cause.message.split('\n').slice(-2).join(' ').trim()}` : '';
  return new Refusal('invalid', 'repo_invalid', `${path} is not a git repository with at least one commit.${why}`, {
    hint: 'Name one with --repo PATH.', cause,
  });
}
