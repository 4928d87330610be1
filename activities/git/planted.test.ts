import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { actionContext, resolveContext } from '../files/action-context.fixture.ts';
import type { TestRepository } from './repository.fixture.ts';
import { makeRepository } from './repository.fixture.ts';

const HOOKS = [
  'pre-push',
  'pre-commit',
  'prepare-commit-msg',
  'commit-msg',
  'post-commit',
  'reference-transaction',
  'post-index-change',
  'fsmonitor-watchman',
  'pre-auto-gc',
  'post-rewrite',
  'push-to-checkout',
  'post-checkout',
];

let repository: TestRepository;
let marks: string;
const context = actionContext(undefined);

/** A program that leaves a file named after it, to be found in `marks`. */
function program(name: string): string {
  const path = join(repository.base, 'programs', name);
  mkdirSync(join(repository.base, 'programs'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\necho ran >> '${join(marks, name)}'\nexit 0\n`);
  chmodSync(path, 0o755);
  return path;
}

const ran = () => readdirSync(marks).toSorted();

function plantHooks(): void {
  for (const name of HOOKS) {
    const path = join(repository.workspace, '.git/hooks', name);
    writeFileSync(path, readFileSync(program(`hook-${name}`)));
    chmodSync(path, 0o755);
  }
}

function plantConfiguration(): void {
  const included = join(repository.base, 'included');
  writeFileSync(included, `[core]\n\tfsmonitor = ${program('included-fsmonitor')}\n[remote "included"]\n\turl = ${repository.remote}\n`);
  const settings = {
    'core.fsmonitor': program('fsmonitor'),
    'core.sshCommand': program('ssh-command'),
    'core.pager': program('pager'),
    'core.editor': program('editor'),
    'core.askPass': program('askpass'),
    'core.gitProxy': program('git-proxy'),
    'core.alternateRefsCommand': program('alternate-refs'),
    'pager.log': program('pager-log'),
    'pager.diff': program('pager-diff'),
    'credential.helper': `!${program('credential')}`,
    'diff.external': program('external-diff'),
    'diff.evil.textconv': program('textconv'),
    'diff.evil.command': program('diff-command'),
    'filter.evil.clean': program('clean'),
    'filter.evil.smudge': program('smudge'),
    'filter.evil.process': program('process'),
    'alias.log': `!${program('alias-log')}`,
    'alias.push': `!${program('alias-push')}`,
    'gpg.program': program('gpg'),
    'commit.gpgSign': 'true',
    'tag.gpgSign': 'true',
    'push.gpgSign': 'if-asked',
    'log.showSignature': 'true',
    'trailer.x.command': program('trailer'),
    'remote.origin.receivepack': program('receive-pack'),
    'remote.origin.uploadpack': program('upload-pack'),
    'remote.origin.vcs': 'evil',
    'remote.origin.proxy': 'http://127.0.0.1:1',
    'protocol.ext.allow': 'always',
    'protocol.allow': 'always',
    'include.path': included,
  };
  for (const [key, value] of Object.entries(settings)) repository.git('config', key, value);
  mkdirSync(join(repository.workspace, '.git/info'), { recursive: true });
  appendFileSync(join(repository.workspace, '.git/info/attributes'), '* filter=evil diff=evil\n');
  program('git-remote-evil');
}

/** Everything that the actions can do, one after the other. */
async function doEverything(git: ReturnType<TestRepository['actions']>): Promise<void> {
  repository.write('readme.md', 'Changed\n');
  repository.write('new.md', 'New\n');
  await git.log.run({}, context);
  await git.status.run({}, context);
  await git.diff.run({}, context);
  const paths = ['readme.md', 'new.md'];
  const { facts } = await git.commit.resolve!({ paths, message: 'm' }, resolveContext);
  const { commit } = await git.commit.run({ paths, message: 'm' }, actionContext(facts));
  await git.tag.run({ name: 'v1', commit, message: 'One' }, context);
  await git.latestTag.run({}, context);
  for (const ref of ['refs/tags/v1', 'refs/heads/main']) {
    const judged = await git.push.resolve!({ remote: 'origin', ref }, resolveContext);
    expect(await git.push.run({ remote: 'origin', ref }, actionContext(judged.facts))).toMatchObject({ pushed: true });
  }
  expect(repository.remoteGit('rev-parse', 'v1^{commit}', 'main')).toBe(`${commit}\n${commit}`);
  expect(readFileSync(join(repository.workspace, 'new.md'), 'utf8')).toBe('New\n');
}

beforeEach(() => {
  repository = makeRepository();
  marks = join(repository.base, 'marks');
  mkdirSync(marks);
});
afterEach(() => repository.remove());

describe('nothing that is planted in a repository runs', () => {
  it('no hook', async () => {
    plantHooks();
    repository.git('commit', '-q', '--allow-empty', '-m', 'By hand');
    expect(ran()).toEqual(expect.arrayContaining(['hook-pre-commit', 'hook-post-commit', 'hook-reference-transaction']));
    for (const name of ran()) rmSync(join(marks, name));
    await doEverything(repository.actions());
    expect(ran()).toEqual([]);
  });

  it('no program of the configuration, included or not, nor of .git/info/attributes', async () => {
    plantConfiguration();
    repository.write('bait.md', 'x');
    try {
      repository.git('status');
      repository.git('add', 'bait.md');
    } catch {
      // What matters is that the bait works: the user's own git ran it.
    }
    expect(ran()).toEqual(expect.arrayContaining(['included-fsmonitor', 'process']));
    for (const name of ran()) rmSync(join(marks, name));
    rmSync(join(repository.workspace, '.git/index.lock'), { force: true });
    await doEverything(repository.actions({ path: `${repository.base}/programs:/usr/bin:/bin` }));
    expect(ran()).toEqual([]);
    await expect(repository.actions().push.resolve!({ remote: 'included', ref: 'refs/heads/main' }, resolveContext)).rejects.toMatchObject({
      code: 'git_remote_unknown',
    });
  });

  it('no filter or driver that a committed .gitattributes asks for', async () => {
    plantConfiguration();
    repository.write('.gitattributes', '*.bin filter=evil diff=evil\n*.md diff=evil\n');
    repository.write('x.bin', 'x');
    const git = repository.actions();
    await git.status.run({}, context);
    await git.diff.run({}, context);
    await expect(git.commit.resolve!({ paths: ['x.bin'], message: 'm' }, resolveContext)).rejects.toMatchObject({
      code: 'git_filter_unsupported',
    });
    const paths = ['readme.md', '.gitattributes'];
    repository.write('readme.md', 'Changed\n');
    const { facts } = await git.commit.resolve!({ paths, message: 'm' }, resolveContext);
    await git.commit.run({ paths, message: 'm' }, actionContext(facts));
    await git.diff.run({ from: 'refs/heads/main' }, context);
    expect(ran()).toEqual([]);
  });

  it('no configuration of a submodule or of a repository within', async () => {
    repository.git('init', '-q', 'inner');
    repository.git('-C', 'inner', 'commit', '-q', '--allow-empty', '-m', 'x');
    repository.git('-C', 'inner', 'config', 'core.fsmonitor', program('inner-fsmonitor'));
    repository.git('-c', 'advice.addEmbeddedRepo=false', 'add', 'inner');
    repository.git('commit', '-q', '-m', 'With a submodule');
    repository.write('inner/file', 'x');
    for (const name of ran()) rmSync(join(marks, name));
    const git = repository.actions();
    expect((await git.status.run({}, context)).clean).toBe(true);
    await git.diff.run({}, context);
    await doEverything(git);
    expect(ran()).toEqual([]);
  });

  it('no remote helper, by URL or by rewriting one', async () => {
    const helper = `ext::${program('ext')}`;
    repository.git('config', 'protocol.ext.allow', 'always');
    repository.git('remote', 'add', 'ext', helper);
    const git = repository.actions();
    const judge = (remote: string) => git.push.resolve!({ remote, ref: 'refs/heads/main' }, resolveContext);
    await expect(judge('ext')).rejects.toMatchObject({ code: 'git_remote_refused' });
    repository.git('config', `url.${helper}.insteadOf`, repository.remote);
    repository.git('config', `url.${helper}.pushInsteadOf`, `file://${repository.remote}`);
    expect(() => repository.git('ls-remote', 'origin')).toThrow();
    expect(ran()).toEqual(['ext']);
    rmSync(join(marks, 'ext'));
    const { facts } = await judge('origin');
    expect(facts.remoteUrl).toBe(`file://${repository.remote}`);
    await git.push.run({ remote: 'origin', ref: 'refs/heads/main' }, actionContext(facts));
    expect(repository.remoteGit('rev-parse', 'main')).toBe(repository.git('rev-parse', 'HEAD'));
    expect(ran()).toEqual([]);
  });

  it('nothing that this process has in its environment', async () => {
    const planted = {
      GIT_SSH_COMMAND: program('env-ssh'),
      GIT_EXTERNAL_DIFF: program('env-diff'),
      GIT_EDITOR: program('env-editor'),
      GIT_PAGER: program('env-pager'),
      GIT_ASKPASS: program('env-askpass'),
      GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${program('env-fsmonitor')}'`,
      GIT_DIR: repository.remote,
      GIT_CONFIG_GLOBAL: join(repository.base, 'global'),
      HOME: join(repository.base, 'evil-home'),
      GIT_EXEC_PATH: join(repository.base, 'programs'),
      GIT_TRACE: join(marks, 'trace'),
      GIT_ALTERNATE_OBJECT_DIRECTORIES: '/nowhere',
      PATH: join(repository.base, 'programs'),
    };
    program('git');
    const global = `[core]\n\tfsmonitor = ${program('global-fsmonitor')}\n\thooksPath = ${join(repository.base, 'programs')}\n`;
    writeFileSync(join(repository.base, 'global'), global);
    mkdirSync(join(repository.base, 'evil-home'));
    writeFileSync(join(repository.base, 'evil-home/.gitconfig'), global);
    const before = { ...process.env };
    const run = doEverything(repository.actions());
    Object.assign(process.env, planted);
    try {
      await run.finally(() => {
        for (const key of Object.keys(planted)) {
          if (before[key] === undefined) delete process.env[key];
          else process.env[key] = before[key];
        }
      });
    } finally {
      expect(existsSync(join(marks, 'trace'))).toBe(false);
    }
    expect(ran()).toEqual([]);
  });
});
