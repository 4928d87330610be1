import { execFile } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { governMail, openMailService } from './governed-mail.ts';
import { pack } from './packed.ts';
import type { Packed } from './packed.ts';
import { writeConfig, writeReadmeProject } from './readme-project.ts';

const ROOT = join(import.meta.dirname, '../..');
const OWN = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
};
const SHARED = Object.keys(OWN.peerDependencies);
const [, LOWEST = '', ABOVE = ''] = /^>=(\S+) <(\S+)$/.exec(OWN.peerDependencies['@temporalio/worker'] ?? '') ?? [];
const LATEST = OWN.devDependencies['@temporalio/worker'] ?? '';
const TYPES = `@types/node@${OWN.devDependencies['@types/node']}`;
const PROGRAM = `node-${process.platform}-${process.arch}`;
/** Installs from a registry, on a busy machine. */
const INSTALL = 300_000;
const RUN = 300_000;

let packed: Packed;
let mail: Awaited<ReturnType<typeof openMailService>>;
/** By name: `empty` had no Temporal of its own, `lowest` the oldest of the range; `tools` has compilers and Node.js. */
const at = { empty: '', lowest: '', tools: '' };

const compiler = {
  '5.9': () => join(at.tools, 'node_modules/typescript-5/bin/tsc'),
  '7.0': () => join(ROOT, 'node_modules/typescript/bin/tsc'),
};

/** What a compiler prints, one line an error. */
async function compile(version: keyof typeof compiler, project: string): Promise<readonly string[]> {
  const command = [compiler[version](), '-p', project, '--pretty', 'false'];
  const { stdout } = await promisify(execFile)(process.execPath, command).catch((error: { readonly stdout: string }) => error);
  return stdout.split('\n').filter((line) => /error TS/.test(line));
}

beforeAll(async () => {
  [packed, mail] = await Promise.all([pack(), openMailService()]);
  const tools = ['typescript-5@npm:typescript@5.9', ...[22, 24].map((major) => `node-${major}@npm:${PROGRAM}@${major}`)];
  const lowest = SHARED.map((name) => `${name}@${LOWEST}`);
  [at.empty, at.lowest, at.tools] = await Promise.all([
    packed.install('empty', [packed.tarball, 'zod', TYPES]),
    packed.install('lowest', [packed.tarball, 'zod', TYPES, ...lowest]),
    packed.install('tools', tools),
  ]);
  for (const project of [at.empty, at.lowest]) writeReadmeProject(project, { mail: mail.url, taskQueue: `mail-${crypto.randomUUID()}` });
}, INSTALL);
afterAll(async () => {
  await mail?.close();
  packed?.remove();
});

describe('the tarball', () => {
  test('has what users need, and nothing of our workshop', () => {
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'package.json', 'dist/cli/main.js']),
    );
    expect(paths.filter((path) => !/^(dist|docs|policies)\//.test(path) && path.includes('/'))).toEqual([]);
    expect(
      paths.filter((path) =>
        /^dist\/.*\.(test|fixture|stamp|py)\b|(?<!\.d)\.ts$|^dist\/(test|scripts|examples\/(mcp|orders|python))\//.test(path),
      ),
    ).toEqual([]);
  });

  test('imports no package that it does not ask for', () => {
    const code = packed.files.filter(({ path }) => /^dist\/.*\.(js|d\.ts)$/.test(path));
    const named = code.flatMap(({ path }) =>
      [
        ...readFileSync(join(at.empty, 'node_modules/holdpoint', path), 'utf8').matchAll(
          /^\s*(?:import|export)\b[^;]*? from '(?!node:)([^'.][^']*)'/gm,
        ),
      ].map(([, specifier = '']) => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? ''),
    );
    // The last two stand in what `init` writes.
    const asked = [...Object.keys(OWN.dependencies), ...SHARED, 'holdpoint', '${activities}'];
    expect([...new Set(named)].filter((name) => !asked.includes(name))).toEqual([]);
    expect(named).toContain('@temporalio/worker');
  });

  test('has source maps that carry their sources', () => {
    const maps = packed.files.filter(({ path }) => path.endsWith('.js.map'));
    expect(maps.length).toBeGreaterThan(100);
    const empty = maps.filter(({ path }) => {
      const { sourcesContent = [] } = JSON.parse(readFileSync(join(at.empty, 'node_modules/holdpoint', path), 'utf8')) as {
        readonly sourcesContent?: readonly (string | null)[];
      };
      return sourcesContent.length === 0 || sourcesContent.includes(null);
    });
    expect(empty).toEqual([]);
  });

  test('stays below a megabyte', () => expect(packed.size).toBeLessThan(1_000_000));
});

describe('the Temporal SDK of a project', () => {
  const versions = (project: string): readonly string[] =>
    SHARED.map((name) => {
      const file = join(project, 'node_modules', name, 'package.json');
      return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
    });

  test('is the latest of the range where there was none, and the one that we are tested with', () => {
    expect(new Set(versions(at.empty))).toEqual(new Set([LATEST]));
    const [major = 0, minor = 0] = LATEST.split('.').map(Number);
    expect(ABOVE).toBe(`${major}.${minor + 1}.0`);
  });

  test('stays the one that it was, and Holdpoint brings no other', () => {
    expect(new Set(versions(at.lowest))).toEqual(new Set([LOWEST]));
    expect(readdirSync(join(at.lowest, 'node_modules/holdpoint'))).not.toContain('node_modules');
  });

  test('is asked for in one range, and every package of it here in one version', () => {
    expect(new Set(Object.values(OWN.peerDependencies)).size).toBe(1);
    const here = Object.entries({ ...OWN.devDependencies, ...OWN.dependencies }).filter(([name]) => name.startsWith('@temporalio/'));
    expect(new Set(here.map(([, version]) => version))).toEqual(new Set([LATEST]));
    expect(Object.keys(OWN.dependencies).filter((name) => SHARED.includes(name))).toEqual([]);
  });
});

describe('the types', () => {
  // Some of the SDK's own declarations do not compile under these settings; a project cannot be stricter than they are.
  const ours = (line: string): boolean => !/^(\.\.\/|.*\/)?node_modules\/@temporalio\//.test(line);

  const ENTRIES = Object.keys(OWN.exports)
    .filter((entry) => entry !== './package.json')
    .flatMap((entry) => (entry === './actions/*' ? ['./actions/git', './actions/files', './actions/http'] : [entry]));
  beforeAll(() => {
    for (const project of [at.empty, at.lowest]) {
      const lines = ENTRIES.map((entry, index) => `export * as entry${index} from 'holdpoint${entry.slice(1)}';\n`);
      writeFileSync(join(project, 'every-entry.ts'), lines.join(''));
      writeConfig(project, 'bundler.json', { module: 'esnext', moduleResolution: 'bundler', noEmit: true });
    }
  });

  test.each([
    ['5.9', 'empty', 'tsconfig.json'],
    ['7.0', 'empty', 'tsconfig.json'],
    ['7.0', 'empty', 'bundler.json'],
    ['7.0', 'lowest', 'tsconfig.json'],
  ] as const)(
    'check with TypeScript %s in the project %s by %s, declarations included',
    { timeout: RUN },
    async (version, project, config) => {
      expect((await compile(version, join(at[project], config))).filter(ours)).toEqual([]);
    },
  );

  test('refuse what an action does not take', { timeout: RUN }, async () => {
    writeFileSync(join(at.empty, 'wrong.ts'), "import { mail } from './actions.ts';\nmail.send.title?.({ too: 'ada' });\n");
    writeFileSync(
      join(at.empty, 'wrong.json'),
      JSON.stringify({ extends: './tsconfig.json', compilerOptions: { noEmit: true }, files: ['wrong.ts'], include: [] }),
    );
    expect((await compile('7.0', join(at.empty, 'wrong.json'))).filter(ours)).toEqual([
      expect.stringMatching(/^wrong\.ts\(2.*TS2561|^.*wrong\.ts\(2/),
    ]);
  });
});

describe("the README's mail agent", () => {
  // Errors are the business of the tests above; JavaScript comes out all the same.
  beforeAll(async () => {
    await Promise.all([at.empty, at.lowest].map((project) => compile('7.0', project)));
  }, RUN);

  const node = (major: number): string => join(at.tools, `node_modules/node-${major}/bin/node`);

  test.each([
    ['empty', 'this Node.js', () => process.execPath],
    ['lowest', 'this Node.js', () => process.execPath],
    ['empty', 'Node.js 22', () => node(22)],
    ['empty', 'Node.js 24', () => node(24)],
  ] as const)('is held, approved and done: Temporal of the project %s, %s', { timeout: RUN }, async (project, _, program) => {
    const already = mail.sent.length;
    const { held, before, run } = await governMail(at[project], program(), mail.sent);
    expect(held).toMatchObject({ kind: 'approval', action: 'mail.send', shown: { title: 'Mail to ada@elsewhere.example' } });
    expect(before).toBe(already);
    expect(run).toMatchObject({ state: 'succeeded', steps: { used: 1 } });
    expect(mail.sent.slice(already)).toEqual([{ to: 'ada@elsewhere.example', text: 'The invoice is due.' }]);
  });
});
