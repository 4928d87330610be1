import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
  const note = join(folder, 'source');
  const before = existsSync(note) ? (await readFile(note, 'utf8')).trim() : null;
  if (keep && before !== null && existsSync(place.repository) && existsSync(place.remote)) return { ...place, source: before };
  const source = await sourceOf(repo, cwd, folder);
  try {
    // What was released from another repository is no release of this one.
    if (before !== source) await rm(place.remote, { recursive: true, force: true });
    if (!existsSync(place.remote)) await git(folder, ['init', '--quiet', '--bare', place.remote]);
    // Tags of the remote stay: they are what was released before. The source's own come to them.
    await git(place.remote, [...FETCH, source, '+HEAD:refs/heads/main', '+refs/tags/*:refs/tags/*']);
    await git(place.remote, ['symbolic-ref', 'HEAD', 'refs/heads/main']);
    await rm(place.repository, { recursive: true, force: true });
    await git(folder, ['clone', '--quiet', '--no-hardlinks', place.remote, place.repository]);
    await mergeReleased(place.repository, source);
  } catch (error) {
    throw invalid(source, error);
  }
  await writeFile(note, `${source}\n`);
  return { ...place, source };
}

const FETCH = ['fetch', '--quiet', '--no-write-fetch-head', '--update-head-ok', '--update-shallow'];

/** Merges the newest release that only the remote has, as a project does after one: the next release follows it. */
async function mergeReleased(repository: string, source: string): Promise<void> {
  const newestFirst = ['for-each-ref', '--sort=-version:refname', '--format=%(refname)'];
  const known = new Set((await git(source, [...newestFirst, 'refs/tags/v*'])).split('\n'));
  const released = (await git(repository, [...newestFirst, 'refs/tags/v*'])).split('\n').find((tag) => !known.has(tag));
  if (released === undefined) return;
  const merge = (how: readonly string[]) =>
    git(repository, ['merge', '--quiet', ...how, '-m', `Merge ${released.replace('refs/tags/', '')}`, released]);
  await merge(['-X', 'theirs']).catch(async () => {
    await git(repository, ['merge', '--abort']).catch(() => undefined);
    await merge(['-s', 'ours']);
  });
  await git(repository, ['push', '--quiet', 'origin', 'HEAD:refs/heads/main']);
}

async function sourceOf(repo: string | null, cwd: string, folder: string): Promise<string> {
  if (repo !== null) {
    const path = resolve(cwd, repo);
    const found = await repositoryAt(path);
    if (found === null) throw invalid(path, undefined);
    return found;
  }
  const here = await repositoryAt(cwd);
  if (here !== null) return here;
  const sample = join(folder, 'sample');
  if (!existsSync(sample)) {
    // In one step: a half-made one would be taken for whole the next time.
    const fresh = `${sample}.new`;
    await rm(fresh, { recursive: true, force: true });
    await makeSample(fresh);
    await rename(fresh, sample);
  }
  return sample;
}

/** The repository that the path is in, where it has a commit; its top, since git fetches from nowhere else. */
async function repositoryAt(path: string): Promise<string | null> {
  if (!existsSync(path)) return null;
  try {
    await git(path, ['rev-parse', '--verify', '--quiet', 'HEAD']);
    // A bare repository has no work tree, and so no top.
    return (await git(path, ['rev-parse', '--show-toplevel']).catch(() => path)).trim();
  } catch {
    return null;
  }
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

/** Git in our own name: no configuration but the repository's, no hooks, no questions. Gives what it printed. */
async function git(cwd: string, args: readonly string[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TEMPLATE_DIR: '',
    GIT_TERMINAL_PROMPT: '0',
    // A repository that lacks objects may name a program to fetch them with.
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'file',
    GIT_AUTHOR_NAME: 'sample',
    GIT_AUTHOR_EMAIL: 'sample@localhost',
    GIT_COMMITTER_NAME: 'sample',
    GIT_COMMITTER_EMAIL: 'sample@localhost',
  };
  const { stdout } = await promisify(execFile)('git', ['-c', 'core.hooksPath=/dev/null', '-c', 'safe.directory=*', ...args], { cwd, env });
  return stdout;
}

function invalid(path: string, cause: unknown): Refusal {
  const why = cause instanceof Error ? ` ${cause.message.split('\n').slice(-2).join(' ').trim()}` : '';
  return new Refusal('invalid', 'repo_invalid', `${path} is not a git repository with at least one commit.${why}`, {
    hint: 'Name one with --repo PATH, or leave --repo out.',
    cause,
  });
}
