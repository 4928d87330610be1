import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, mkdtemp, readFile, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NothingHappened } from '../define-action.ts';
import { actionContext, resolveContext } from './action-context.fixture.ts';
import { filesActions } from './files-actions.ts';
import { sha256 } from './read-file.ts';

let base: string;
let root: string;
let files: ReturnType<typeof filesActions>;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'holdpoint-files-'));
  root = join(base, 'root');
  await mkdir(join(root, 'docs'), { recursive: true });
  await mkdir(join(root, 'policies'));
  await writeFile(join(root, 'docs/guide.md'), 'Guide\n');
  await writeFile(join(root, 'policies/a.cedar'), 'permit');
  await writeFile(join(base, 'outside.txt'), 'outside');
  files = filesActions({ root, forbidden: [join(root, 'policies'), join(root, '.holdpoint')], maxBytes: 1_000 });
});
afterEach(() => rm(base, { recursive: true }));

const read = (path: string, maxBytes?: number) =>
  files.read.run({ path, ...(maxBytes === undefined ? {} : { maxBytes }) }, actionContext(undefined));
const list = (path?: string) => files.list.run(path === undefined ? {} : { path }, actionContext(undefined));
const facts = async (path: string) => (await files.write.resolve!({ path, content: '' }, resolveContext)).facts;
const write = async (path: string, content: string, known?: { path: string; before?: string | undefined }) =>
  files.write.run({ path, content }, actionContext(known ?? (await facts(path))));

describe('files.read', () => {
  it('gives the text and its size', async () => {
    expect(await read('docs/guide.md')).toEqual({ path: 'docs/guide.md', text: 'Guide\n', bytes: 6, truncated: false });
  });

  it('cuts at the limit, and never within a character', async () => {
    await writeFile(join(root, 'long.txt'), 'aé'.repeat(900));
    expect(await read('long.txt', 5)).toMatchObject({ text: 'aéa', bytes: 2_700, truncated: true });
    expect(await read('long.txt')).toMatchObject({ truncated: true });
  });

  it('refuses what is not UTF-8', async () => {
    await writeFile(join(root, 'image.png'), Buffer.from([0x89, 0x50, 0xff, 0xfe]));
    await expect(read('image.png')).rejects.toMatchObject({ code: 'file_not_text' });
  });

  it('says that there is no such file, or that a folder or a pipe is none', async () => {
    await expect(read('nope.txt')).rejects.toMatchObject({ code: 'file_missing' });
    await expect(read('no/pe.txt')).rejects.toMatchObject({ code: 'file_missing' });
    await expect(read('docs')).rejects.toMatchObject({ code: 'file_not_regular' });
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(read('pipe')).rejects.toMatchObject({ code: 'file_not_regular' });
  });

  it('follows no link, neither as the file nor as a folder on the way, inside or outside of the root', async () => {
    await symlink(join(base, 'outside.txt'), join(root, 'out.txt'));
    await symlink(base, join(root, 'up'));
    await symlink('docs', join(root, 'manual'));
    for (const path of ['out.txt', 'up/outside.txt', 'manual/guide.md']) {
      await expect(read(path)).rejects.toMatchObject({ code: 'file_is_link' });
    }
  });

  it('refuses forbidden folders, in any spelling, and where a mount or a link makes the root one of them', async () => {
    for (const path of ['policies/a.cedar', 'Policies/a.cedar', '.holdpoint/token', '.HOLDPOINT/token']) {
      await expect(read(path)).rejects.toMatchObject({ code: 'file_forbidden' });
    }
    await symlink(join(root, 'policies'), join(base, 'alias'));
    const alias = filesActions({ root: join(base, 'alias'), forbidden: [join(root, 'policies')] });
    await expect(alias.read.run({ path: 'a.cedar' }, actionContext(undefined))).rejects.toMatchObject({ code: 'file_forbidden' });
    const through = filesActions({ root, forbidden: [join(base, 'alias')] });
    await expect(through.read.run({ path: 'policies/a.cedar' }, actionContext(undefined))).rejects.toMatchObject({
      code: 'file_forbidden',
    });
  });

  it('refuses a forbidden file under another name', async () => {
    await link(join(root, 'policies/a.cedar'), join(root, 'copy.txt'));
    const strict = filesActions({ root, forbidden: [join(root, 'policies/a.cedar')] });
    await expect(strict.read.run({ path: 'copy.txt' }, actionContext(undefined))).rejects.toMatchObject({ code: 'file_forbidden' });
  });

  it('meets a folder that is being swapped for a link without ever leaving the root', async () => {
    await mkdir(join(base, 'secret'));
    await writeFile(join(base, 'secret/guide.md'), 'SECRET');
    let swapping = true;
    const swap = (async () => {
      while (swapping) {
        await rename(join(root, 'docs'), join(root, 'real'));
        await symlink(join(base, 'secret'), join(root, 'docs'));
        await rm(join(root, 'docs'));
        await rename(join(root, 'real'), join(root, 'docs'));
      }
    })();
    const texts = [];
    for (let round = 0; round < 300; round += 1)
      texts.push(
        await read('docs/guide.md')
          .then(({ text }) => text)
          .catch(() => 'refused'),
      );
    swapping = false;
    await swap;
    expect(texts).not.toContain('SECRET');
  });
});

describe('files.list', () => {
  it('lists names with their kinds, without .git, forbidden folders and names that deceive', async () => {
    await mkdir(join(root, '.git'));
    await symlink('docs', join(root, 'manual'));
    await writeFile(join(root, 'a\u202etxt'), '');
    expect(await list()).toEqual({
      entries: [
        { name: 'docs', kind: 'folder', bytes: 0 },
        { name: 'manual', kind: 'link', bytes: 0 },
      ],
      truncated: false,
    });
    expect((await list('docs')).entries).toEqual([{ name: 'guide.md', kind: 'file', bytes: 6 }]);
  });

  it('refuses links and forbidden folders', async () => {
    await symlink('docs', join(root, 'manual'));
    await expect(list('manual')).rejects.toMatchObject({ code: 'file_is_link' });
    await expect(list('policies')).rejects.toMatchObject({ code: 'file_forbidden' });
    await expect(list('nope')).rejects.toMatchObject({ code: 'file_missing' });
  });
});

describe('files.write', () => {
  it('makes a file and the folders above it', async () => {
    expect(await facts('a/b/c.txt')).toEqual({ path: 'a/b/c.txt' });
    expect(await write('a/b/c.txt', 'new')).toEqual({ path: 'a/b/c.txt', sha256: sha256('new'), bytes: 3 });
    expect(await readFile(join(root, 'a/b/c.txt'), 'utf8')).toBe('new');
    expect(await readdir(join(root, 'a/b'))).toEqual(['c.txt']);
  });

  it('replaces a file, keeps its mode, and shows the approver what stands there', async () => {
    await chmod(join(root, 'docs/guide.md'), 0o750);
    const resolved = await files.write.resolve!({ path: 'docs/guide.md', content: '' }, resolveContext);
    expect(resolved.facts).toEqual({ path: 'docs/guide.md', before: sha256('Guide\n') });
    expect(resolved.evidence).toEqual([{ title: 'There now (6 bytes)', text: 'Guide\n' }]);
    await write('docs/guide.md', 'Better\n');
    expect(await readFile(join(root, 'docs/guide.md'), 'utf8')).toBe('Better\n');
    expect((await stat(join(root, 'docs/guide.md'))).mode & 0o777).toBe(0o750);
  });

  it('never makes a new file executable', async () => {
    await write('run.sh', '#!/bin/sh\n');
    expect((await stat(join(root, 'run.sh'))).mode & 0o111).toBe(0);
  });

  it('leaves the file alone, and says that nothing happened, when it has changed since the facts', async () => {
    const known = await facts('docs/guide.md');
    await writeFile(join(root, 'docs/guide.md'), 'Other\n');
    await expect(write('docs/guide.md', 'Mine\n', known)).rejects.toThrow(NothingHappened);
    await expect(write('docs/guide.md', 'Mine\n', { path: 'docs/guide.md' })).rejects.toThrow(/has changed since/);
    expect(await readFile(join(root, 'docs/guide.md'), 'utf8')).toBe('Other\n');
    expect(await readdir(join(root, 'docs'))).toEqual(['guide.md']);
  });

  it('is done when the content is there already', async () => {
    const known = await facts('docs/guide.md');
    await write('docs/guide.md', 'Mine\n', known);
    expect(await write('docs/guide.md', 'Mine\n', known)).toMatchObject({ sha256: sha256('Mine\n') });
  });

  it('writes through no link and over nothing but a regular file', async () => {
    await symlink(join(base, 'outside.txt'), join(root, 'out.txt'));
    await symlink(base, join(root, 'up'));
    for (const path of ['out.txt', 'up/outside.txt', 'docs']) {
      await expect(facts(path)).rejects.toMatchObject({ kind: 'refused' });
      await expect(write(path, 'x', { path })).rejects.toThrow(NothingHappened);
    }
    expect(await readFile(join(base, 'outside.txt'), 'utf8')).toBe('outside');
  });

  it('writes into no forbidden folder, and makes none that does not exist yet', async () => {
    for (const path of ['policies/b.cedar', '.holdpoint/config/x', 'POLICIES/b.cedar']) {
      await expect(write(path, 'x', { path })).rejects.toThrow(NothingHappened);
    }
    expect(await readdir(root)).toEqual(['docs', 'policies']);
    expect(await readdir(join(root, 'policies'))).toEqual(['a.cedar']);
  });

  it('accepts no content above the limit, and replaces no file above it', async () => {
    expect(files.write.input.safeParse({ path: 'a', content: 'é'.repeat(501) }).success).toBe(false);
    await writeFile(join(root, 'big.bin'), 'x'.repeat(1_001));
    await expect(facts('big.bin')).rejects.toMatchObject({ code: 'file_too_large' });
  });

  it('is declared as what it is', () => {
    expect(files.write.annotations).toEqual({ readOnly: false, destructive: true, idempotent: true, openWorld: false });
    expect(files.write.input.safeParse({ path: '.git/hooks/pre-push', content: '' }).success).toBe(false);
    expect(files.write.input.safeParse({ path: 'a', content: '', mode: 0o777 }).success).toBe(false);
  });
});

describe('the options of files', () => {
  it('are absolute paths and a positive limit', () => {
    expect(() => filesActions({ root: 'here', forbidden: [] })).toThrow(/"root" and "forbidden" are absolute paths/);
    expect(() => filesActions({ root, forbidden: ['policies'] })).toThrow(/got "policies"/);
    expect(() => filesActions({ root, forbidden: [], maxBytes: 0 })).toThrow(/"maxBytes"/);
  });
});
