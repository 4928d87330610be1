import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PROTOCOLS } from './options.ts';
import { normaliseRemoteUrl } from './remote-url.ts';

let base: string;
let workspace: string;
beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'holdpoint-url-')));
  workspace = join(base, 'work');
  for (const name of ['work', 'work/inner.git', 'a b.git', 'hub.git']) mkdirSync(join(base, name));
  symlinkSync(join(workspace, 'inner.git'), join(base, 'alias.git'));
});
afterAll(() => rmSync(base, { recursive: true }));

const normalise = (text: string, protocols: readonly (typeof PROTOCOLS)[number][] = PROTOCOLS) =>
  normaliseRemoteUrl(text, { protocols, workspace });

it.each([
  ['https://Git.Example.com:443/Team/repo.git/', 'https://git.example.com/Team/repo.git'],
  ['HTTPS://git.example.com/a/../b', 'https://git.example.com/b'],
  ['https://git.example.com:8443//a', 'https://git.example.com:8443/a'],
  ['git@GitHub.com:team/repo.git', 'ssh://git@github.com/team/repo.git'],
  ['ssh://git@Example.com:22/team/repo', 'ssh://git@example.com/team/repo'],
  ['ssh://example.com:2222/x', 'ssh://example.com:2222/x'],
])('spells %s as %s', async (text, url) => {
  expect(await normalise(text)).toBe(url);
  expect(await normalise(url)).toBe(url);
});

it('spells a folder as a file URL without links, from an absolute or relative path', async () => {
  expect(await normalise('../hub.git')).toBe(`file://${base}/hub.git`);
  expect(await normalise(`file://${base}/work/../hub.git`)).toBe(`file://${base}/hub.git`);
  await expect(normalise(join(base, 'a b.git'))).rejects.toThrow(/spaces/);
  expect(await normalise(`file://${base}/a%20b.git`)).toBe(`file://${base}/a%20b.git`);
});

it.each([
  ['ext::sh -c id', 'spaces'],
  ['ext::id', 'remote helper'],
  ['fd::3', 'remote helper'],
  ['::/x', 'remote helper'],
  ['http://git.example.com/x', 'protocol "http"'],
  ['git://git.example.com/x', 'protocol "git"'],
  ['ftp://git.example.com/x', 'protocol "ftp"'],
  ['--upload-pack=id', 'begins with "-"'],
  ['ssh://-oProxyCommand=id/x', ''],
  ['ssh://-x@host/y', 'user name'],
  ['-oProxyCommand=id:x', 'begins with "-"'],
  ['host:-x', 'plain path'],
  ['ssh://host/', 'plain path'],
  ['https://host/a%2f..%2fb', 'plain path'],
  ['https://host/x?y', 'query'],
  ['https://host/x#y', 'query'],
  ['https://host/a\nb', 'invisible'],
  ['/does/not/exist', 'does not exist'],
  ['file://host/x', 'host'],
  ['', 'empty'],
])('refuses %j', async (text, rule) => {
  await expect(normalise(text)).rejects.toMatchObject({ code: 'git_remote_refused', message: expect.stringContaining(rule) as string });
});

it('repeats no password', async () => {
  const error = (await normalise('https://ada:hunter2@host/x').catch((caught: unknown) => caught)) as Error;
  expect(error.message).toBe("The remote's URL holds a user name or a password.");
  const other = (await normalise('http://ada:hunter2@host/x').catch((caught: unknown) => caught)) as Error;
  expect(other.message).not.toContain('hunter2');
});

it('takes no remote that lies in the workspace, since its configuration would run with the push', async () => {
  for (const text of [workspace, join(workspace, 'inner.git'), 'inner.git', join(base, 'alias.git')]) {
    await expect(normalise(text)).rejects.toThrow(/lies in the workspace/);
  }
});

it('takes only the protocols that are allowed', async () => {
  await expect(normalise('https://host/x', ['file'])).rejects.toThrow(/protocol "https"; allowed here: file/);
  await expect(normalise('../hub.git', ['https'])).rejects.toThrow(/protocol "file"/);
  await expect(normalise('git@host:x', ['https'])).rejects.toThrow(/protocol "ssh"/);
});
