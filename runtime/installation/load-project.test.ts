import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listen } from './listen.ts';
import { loadActions } from './load-project.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-project-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const module = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe('the module of worker.actions', () => {
  it.each([
    ['named exports', 'a.mjs', `export const git = { push: 1 }; export const other = 2;`, ['git', 'other']],
    ['named exports beside a default', 'b.mjs', `export const git = {}; export default { git };`, ['git']],
    ['a default export alone', 'c.mjs', `export default { git: {} };`, ['git']],
    ['CommonJS', 'd.cjs', `exports.git = {}; exports.http = {};`, ['git', 'http']],
    ['CommonJS as one object', 'e.cjs', `module.exports = Object.assign({}, { git: {} });`, ['git']],
  ])('may have %s', async (_, name, text, names) => {
    expect(Object.keys(await loadActions(module(name, text))).toSorted()).toEqual(names);
  });

  it.each([
    ['is not there', () => join(folder, 'nowhere.mjs'), /names a file that exists/],
    ['throws', () => module('throws.mjs', 'throw new Error("no key");'), /could not be loaded.*no key/],
    ['throws what is no error', () => module('odd.mjs', 'throw "odd";'), /could not be loaded.*odd/],
  ])('is refused, by its path, where it %s', async (_, make, said) => {
    const path = make();
    const refused = loadActions(path);
    await expect(refused).rejects.toMatchObject({ code: 'worker_module', message: expect.stringMatching(said) as string });
    await expect(refused).rejects.toThrow(path);
  });
});

describe('listen', () => {
  it('answers that it is not ready until there is an application', async () => {
    const listening = await listen('127.0.0.1', 0);
    try {
      const early = await fetch(listening.url);
      expect([early.status, await early.json()]).toMatchObject([503, { code: 'not_ready' }]);
      listening.serve((_request, response) => void response.end('ready'));
      expect(await (await fetch(listening.url)).text()).toBe('ready');
    } finally {
      await listening.close();
    }
  });

  it('says so where the port is taken, or the address is not of this machine', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    await expect(listen('127.0.0.1', (other.address() as AddressInfo).port)).rejects.toMatchObject({ code: 'port_taken' });
    await new Promise((resolve) => other.close(resolve));
    await expect(listen('192.0.2.1', 0)).rejects.toMatchObject({ code: 'address_unusable' });
  });

  it('gives an address of IPv6 as a URL has it', async () => {
    const listening = await listen('::1', 0).catch(() => null);
    // Not every machine has IPv6.
    if (listening === null) return;
    expect(listening.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    await listening.close();
  });
});
