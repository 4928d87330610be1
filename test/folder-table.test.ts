import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENTRY_POINTS, EXCEPTIONS, FOLDER_TABLE } from './folder-table.ts';

const ROOT = join(import.meta.dirname, '..');
const MAX_LINES = 300;
/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`; a leading `type` is remembered. */
const IMPORT = /^\s*(?:import|export)\s+(type\s)?[^'";]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

export function importsOf(file: string, text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map(([, type, from, bare, dynamic]) => ({
    file,
    specifier: from ?? bare ?? dynamic ?? '',
    typeOnly: type !== undefined,
  }));
}

/** What is wrong with an import, or undefined. */
export function verdict({ file, specifier, typeOnly }: Import): string | undefined {
  const folder = file.split('/')[0] ?? '';
  const rule = FOLDER_TABLE[folder];
  if (rule === undefined) return undefined;
  if (!specifier.startsWith('.')) {
    const known =
      rule.packages === null ||
      rule.packages.some((name) => specifier === name || specifier.startsWith(name.endsWith(':') ? name : `${name}/`));
    return known ? undefined : `${file} imports ${specifier}, which ${folder}/ may not`;
  }
  const target = normalize(join(dirname(file), specifier));
  const to = target.split('/')[0] ?? '';
  if (to === folder) return undefined;
  if (EXCEPTIONS.some((allowed) => allowed.from === file && allowed.to === target && (typeOnly || !allowed.typeOnly))) return undefined;
  if (!rule.folders.includes(to)) return `${file} imports ${target}, and ${folder}/ may not import ${to}/`;
  if (target !== `${to}/index.ts` && !(ENTRY_POINTS as readonly string[]).includes(target)) {
    return `${file} imports ${target} past ${to}/index.ts`;
  }
  return undefined;
}

const folders = Object.keys(FOLDER_TABLE);
const all = folders.flatMap(sources);
const shipped = all.filter((file) => !/\.(test|fixture)\.ts$/.test(file));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

describe('the folder table', () => {
  test('no import crosses a border that it does not open', () => {
    expect(shipped.flatMap((file) => importsOf(file, read(file)).flatMap((found) => verdict(found) ?? []))).toEqual([]);
  });

  test('every top-level folder of sources has an index.ts or, where nobody imports it, a command', () => {
    const entries = ['index.ts', 'main.ts'];
    const missing = folders.filter((folder) => folder !== 'examples' && !entries.some((name) => existsSync(join(ROOT, folder, name))));
    expect(missing).toEqual([]);
  });

  test('every folder with sources is in it', () => {
    const outside = ['node_modules', 'dist', 'dist-bench', 'coverage', 'docs', 'scripts', 'test'];
    const present = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
    const known = new Set([...folders, ...outside]);
    expect(present.map((entry) => entry.name).filter((name) => !known.has(name) && sources(name).length > 0)).toEqual([]);
  });

  test('nothing is exported wholesale or by default', () => {
    expect(shipped.filter((file) => /^\s*export\s+(\*|default\b)/m.test(read(file)))).toEqual([]);
  });

  test(`no file but a test's is longer than ${MAX_LINES} lines`, () => {
    const tall = shipped.filter((file) => read(file).trimEnd().split('\n').length > MAX_LINES);
    expect(tall).toEqual([]);
  });

  test('lint forbids the same folders', () => {
    const lint = JSON.parse(read('.oxlintrc.json')) as { overrides: LintOverride[] };
    for (const folder of folders.filter((name) => name !== 'runtime' && name !== 'examples')) {
      const override = lint.overrides.find(({ files, rules }) => files.includes(`${folder}/**/*.ts`) && rules['no-restricted-imports']);
      const patterns = override?.rules['no-restricted-imports']?.[1].patterns.flatMap(({ group }) => group) ?? [];
      const forbidden = folders.filter((other) => other !== folder && !FOLDER_TABLE[folder]?.folders.includes(other));
      expect([folder, forbidden.filter((other) => !patterns.includes(`**/${other}/**`))]).toEqual([folder, []]);
      expect([folder, FOLDER_TABLE[folder]?.folders.filter((other) => patterns.includes(`**/${other}/**`))]).toEqual([folder, []]);
    }
  });
});

interface LintOverride {
  readonly files: readonly string[];
  readonly rules: {
    readonly 'no-restricted-imports'?: readonly [string, { readonly patterns: readonly { readonly group: readonly string[] }[] }];
  };
}

describe('reading imports', () => {
  const text = [
    "import { a } from './a.ts';",
    "import type { B } from '../b/index.ts';",
    "import {\n  c,\n} from 'c';",
    "export { d } from './d.ts';",
    "import 'e';",
    "const f = await import('f');",
    "// import { g } from 'g';",
    "/* import { h } from 'h'; */",
  ].join('\n');

  test('finds every form and no comment', () => {
    expect(importsOf('x.ts', text).map(({ specifier, typeOnly }) => [specifier, typeOnly])).toEqual([
      ['./a.ts', false],
      ['../b/index.ts', true],
      ['c', false],
      ['./d.ts', false],
      ['e', false],
      ['f', false],
    ]);
  });

  test.each([
    ['core/a.ts', 'zod', 'core/a.ts imports zod, which core/ may not'],
    ['core/a.ts', '../ledger/index.ts', 'core/a.ts imports ledger/index.ts, and core/ may not import ledger/'],
    ['policy/a.ts', '../core/names.ts', 'policy/a.ts imports core/names.ts past core/index.ts'],
    ['workflows/a.ts', 'node:crypto', 'workflows/a.ts imports node:crypto, which workflows/ may not'],
    [
      'workflows/proxy-actions.ts',
      '../activities/define-action.ts',
      'workflows/proxy-actions.ts imports activities/define-action.ts, and workflows/ may not import activities/',
    ],
    ['policy/a.ts', '../core/index.ts', undefined],
    ['policy/deep/a.ts', '../b.ts', undefined],
    ['runtime/a.ts', '../activities/git/index.ts', undefined],
  ])('%s importing %s', (file, specifier, expected) => {
    expect(verdict({ file, specifier, typeOnly: false })).toBe(expected);
  });
});
