import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readPolicyFolder, readPolicyTests } from './index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policies-'));
});
afterEach(async () => rm(folder, { recursive: true }));

describe('a folder', () => {
  test('gives its policy files in order, and nothing else', async () => {
    await Promise.all(
      ['b.cedar', 'a.cedar', '.hidden.cedar', 'note.md', 'a.test.yaml'].map((name) => writeFile(join(folder, name), `\uFEFF// ${name}`)),
    );
    await mkdir(join(folder, 'sub'));
    await writeFile(join(folder, 'sub', 'c.cedar'), '');
    expect(await readPolicyFolder(folder)).toEqual([
      { file: 'a.cedar', text: '// a.cedar' },
      { file: 'b.cedar', text: '// b.cedar' },
    ]);
    expect((await readPolicyTests(folder)).map(({ file }) => file)).toEqual(['a.test.yaml']);
  });

  test('that is missing is refused', async () => {
    await expect(readPolicyFolder(join(folder, 'none'))).rejects.toMatchObject({ kind: 'not_found', code: 'policy_folder' });
  });

  test('with a file that cannot be read, or is not UTF-8, is refused', async () => {
    await mkdir(join(folder, 'x.cedar'));
    await expect(readPolicyFolder(folder)).rejects.toMatchObject({ kind: 'invalid', code: 'policy_folder' });
    await rm(join(folder, 'x.cedar'), { recursive: true });
    await writeFile(join(folder, 'x.cedar'), Buffer.from([0x2f, 0x2f, 0xff]));
    await expect(readPolicyFolder(folder)).rejects.toMatchObject({ code: 'policy_encoding' });
  });
});
