import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NothingHappened } from '../define-action.ts';
import { actionContext, resolveContext } from '../files/action-context.fixture.ts';
import type { TestRepository } from './repository.fixture.ts';
import { makeRepository } from './repository.fixture.ts';

let repository: TestRepository;
let git: ReturnType<TestRepository['actions']>;
const tag = { remote: 'origin', ref: 'refs/tags/v1.0.0' };
const main = { remote: 'origin', ref: 'refs/heads/main' };

beforeEach(() => {
  repository = makeRepository();
  git = repository.actions();
  repository.git('tag', '-a', '-m', 'Version 1', 'v1.0.0');
});
afterEach(() => repository.remove());

const judge = (input: typeof tag) => git.push.resolve!(input, resolveContext);
const push = async (input: typeof tag, facts?: Awaited<ReturnType<typeof judge>>['facts']) =>
  git.push.run(input, actionContext(facts ?? (await judge(input)).facts));

describe('git.push', () => {
  it("resolves the URL, the tag's object id and its commit, and pushes exactly that", async () => {
    const { facts } = await judge(tag);
    expect(facts).toEqual({
      remoteUrl: `file://${repository.remote}`,
      ref: 'refs/tags/v1.0.0',
      objectId: repository.git('rev-parse', 'v1.0.0'),
      commit: repository.git('rev-parse', 'HEAD'),
    });
    expect(await push(tag, facts)).toEqual({ ...facts, pushed: true });
    expect(repository.remoteGit('for-each-ref', '--format=%(refname) %(objectname)')).toBe(`refs/tags/v1.0.0 ${facts.objectId}`);
  });

  it("shows the approver the tag's text, the commits and the files since the last tag, bounded and without hidden characters", async () => {
    repository.commit('b.txt', 'b', 'Hide \u001b[2J and \u202e this');
    for (let count = 0; count < 55; count += 1) repository.git('commit', '-q', '--allow-empty', '-m', `Step ${count} ${'x'.repeat(150)}`);
    repository.git('tag', '-a', '-m', 'Version 2', 'v2.0.0');
    const { evidence = [] } = await judge({ ...tag, ref: 'refs/tags/v2.0.0' });
    expect(evidence.map(({ title }) => title)).toEqual([
      'Text of the tag v2.0.0',
      'More than 50 commits since v1.0.0',
      'Files changed since v1.0.0',
    ]);
    expect(evidence[0]?.text).toBe('Version 2');
    expect(evidence[1]?.text).toMatch(/Step 54[^]*… and more$/);
    expect(evidence[2]?.text).toContain('b.txt');
    for (const { text } of evidence) expect(text.length).toBeLessThanOrEqual(3_000);
    repository.git('tag', '-a', '-m', 'x', 'v1.5', 'HEAD~55');
    const small = await judge({ ...tag, ref: 'refs/tags/v1.5' });
    expect(small.evidence?.[1]?.text).toContain('Hide \\u{1b}[2J and \\u{202e} this');
  });

  it('is done when the remote has this very object, with the same facts as before the push', async () => {
    const { facts } = await judge(tag);
    await push(tag, facts);
    expect((await judge(tag)).facts).toEqual(facts);
    expect(await push(tag, facts)).toEqual({ ...facts, pushed: false });
  });

  it('never replaces a tag', async () => {
    const { facts } = await judge(tag);
    repository.git('push', '-q', 'origin', 'HEAD:refs/tags/v1.0.0');
    const there = repository.remoteGit('rev-parse', 'v1.0.0');
    await expect(judge(tag)).rejects.toMatchObject({ code: 'git_tag_exists' });
    await expect(push(tag, facts)).rejects.toMatchObject({ code: 'git_remote_moved' });
    expect(repository.remoteGit('rev-parse', 'v1.0.0')).toBe(there);
  });

  it('lets whoever is first win, even between the last look and the push', async () => {
    const { facts } = await judge(tag);
    const other = repository.git('rev-parse', 'HEAD');
    repository.git('push', '-q', 'origin', 'main');
    // The remote's own hook makes the tag first, as a racing push would.
    const hook = join(repository.remote, 'hooks/pre-receive');
    writeFileSync(hook, `#!/bin/sh\nenv -u GIT_QUARANTINE_PATH git update-ref refs/tags/v1.0.0 ${other}\n`);
    chmodSync(hook, 0o755);
    await expect(push(tag, facts)).rejects.toMatchObject({ code: 'git_push_rejected' });
    expect(repository.remoteGit('rev-parse', 'v1.0.0')).toBe(other);
  });

  it("says what the remote's own rules refuse", async () => {
    const hook = join(repository.remote, 'hooks/pre-receive');
    writeFileSync(hook, '#!/bin/sh\necho no tags on Sundays >&2\nexit 1\n');
    chmodSync(hook, 0o755);
    await expect(push(tag)).rejects.toThrow(/did not take the push: \[remote rejected\] \(pre-receive hook declined\)/);
  });

  it('moves a branch forward and never back or aside', async () => {
    expect((await judge(main)).facts.oldRef).toBeUndefined();
    await push(main);
    const first = repository.git('rev-parse', 'HEAD');
    repository.commit('b', 'b', 'B');
    const { facts, evidence } = await judge(main);
    expect(facts.oldRef).toBe(first);
    expect(evidence?.[0]?.title).toBe(`1 commit since ${first.slice(0, 10)}`);
    await push(main, facts);
    repository.git('reset', '-q', '--hard', first);
    await expect(judge(main)).rejects.toMatchObject({ code: 'git_not_fast_forward' });
    repository.commit('c', 'c', 'C');
    await expect(judge(main)).rejects.toMatchObject({ code: 'git_not_fast_forward' });
  });

  it('does not push a branch whose remote moved after the call was judged', async () => {
    await push(main);
    repository.commit('b', 'b', 'B');
    const { facts } = await judge(main);
    const other = repository.git('commit-tree', '-m', 'Other', '-p', 'HEAD~1', 'HEAD^{tree}');
    repository.git('push', '-q', 'origin', `${other}:refs/heads/main`);
    await expect(push(main, facts)).rejects.toMatchObject({ code: 'git_remote_moved' });
    expect(repository.remoteGit('rev-parse', 'main')).toBe(other);
  });

  it('pushes the object that was judged although the local ref has moved, and changes its facts then', async () => {
    const { facts } = await judge(tag);
    repository.commit('b', 'b', 'B');
    repository.git('tag', '-f', '-a', '-m', 'Moved', 'v1.0.0');
    const moved = (await judge(tag)).facts;
    expect(moved.objectId).not.toBe(facts.objectId);
    await push(tag, facts);
    expect(repository.remoteGit('rev-parse', 'v1.0.0')).toBe(facts.objectId);
  });

  it("changes its facts with the remote's URL, and does nothing on the facts of another", async () => {
    const { facts } = await judge(tag);
    repository.git('init', '-q', '--bare', join(repository.base, 'evil.git'));
    repository.git('remote', 'set-url', 'origin', join(repository.base, 'evil.git'));
    expect((await judge(tag)).facts.remoteUrl).toBe(`file://${repository.base}/evil.git`);
    await expect(push(tag, facts)).rejects.toThrow(NothingHappened);
    // A link that points elsewhere is another URL too.
    symlinkSync(repository.remote, join(repository.base, 'link.git'));
    const linked = repository.actions({ remotes: { hub: join(repository.base, 'link.git') } });
    const hub = await linked.push.resolve!({ remote: 'hub', ref: tag.ref }, resolveContext);
    expect(hub.facts.remoteUrl).toBe(facts.remoteUrl);
  });

  it("prefers the options' remotes, and says which remote or ref there is not", async () => {
    repository.git('remote', 'set-url', 'origin', 'https://elsewhere.example/x');
    git = repository.actions({ remotes: { origin: repository.remote } });
    expect((await judge(tag)).facts.remoteUrl).toBe(`file://${repository.remote}`);
    await expect(judge({ ...tag, remote: 'nowhere' })).rejects.toMatchObject({ code: 'git_remote_unknown' });
    await expect(judge({ ...tag, remote: 'constructor' })).rejects.toMatchObject({ code: 'git_remote_unknown' });
    await expect(judge({ ...tag, ref: 'refs/tags/v9' })).rejects.toMatchObject({ code: 'git_ref_unknown' });
    await expect(judge({ ...tag, ref: 'refs/tags/v1' })).rejects.toMatchObject({ code: 'git_ref_unknown' });
  });

  it('refuses a remote that pushes elsewhere, or to two places', async () => {
    repository.git('config', 'remote.origin.pushurl', repository.base);
    await expect(judge(tag)).rejects.toMatchObject({ code: 'git_remote_ambiguous' });
    repository.git('config', '--unset', 'remote.origin.pushurl');
    repository.git('config', '--add', 'remote.origin.url', repository.base);
    await expect(judge(tag)).rejects.toMatchObject({ code: 'git_remote_ambiguous' });
  });

  it('says briefly why it could not reach the remote, with nothing of the environment', async () => {
    const { facts } = await judge(tag);
    renameSync(repository.remote, `${repository.remote}.gone`);
    await expect(judge(tag)).rejects.toMatchObject({ code: 'git_remote_refused' });
    mkdirSync(repository.remote);
    const error = await push(tag, facts).catch((caught: unknown) => caught as Error);
    expect(error).toBeInstanceOf(NothingHappened);
    expect((error as Error).message).toMatch(/^git ls-remote ended with 128: fatal: .{1,300}\.$/);
    expect((error as Error).message).not.toMatch(/PATH|HOME|GIT_/);
  });

  it.each([
    'v1.0.0',
    'refs/remotes/origin/main',
    '+refs/tags/v1',
    ':refs/tags/v1',
    'refs/tags/*',
    'refs/tags/-x',
    '--mirror',
    'refs/tags/a:refs/heads/main',
  ])('refuses the ref %j', (ref) => {
    expect(git.push.input.safeParse({ remote: 'origin', ref }).success).toBe(false);
  });

  it.each(['--all', '-o', 'https://x.example/y', '/tmp/x', 'ext::sh', '../x', ''])('refuses the remote %j', (remote) => {
    expect(git.push.input.safeParse({ remote, ref: tag.ref }).success).toBe(false);
  });
});
