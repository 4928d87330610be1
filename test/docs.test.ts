import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { registerActions } from '../activities/index.ts';
import type { ActionTree } from '../activities/index.ts';
import { httpActions } from '../activities/http/index.ts';
import { buildProgram } from '../cli/program.ts';
import { DEFAULT_LIMITS, DENIAL_CODES, checkChain, parseChain } from '../core/index.ts';
import type { ActionManifest } from '../core/index.ts';
import { demo, releaseActions } from '../examples/index.ts';
import { LEDGER_ERROR_CODES } from '../ledger/index.ts';
import { PROBLEM_CODES, loadPolicies, testPolicies } from '../policy/index.ts';
import { parseConfig } from '../runtime/config/parse-config.ts';
import { configSchema } from '../runtime/config/schema.ts';
import { createRoutes } from '../server/index.ts';
import { DOCUMENTS, ROOT, below, blocks, makeSnippetFolder, read, snippetFolder, writeSnippets } from './documents.ts';
import { FOLDER_TABLE } from './folder-table.ts';

describe('links', () => {
  const anchors = (file: string): string[] =>
    [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    );

  test.each(DOCUMENTS)('of %s lead somewhere', (document) => {
    const text = read(document).replace(/^```[\s\S]*?^```$/gm, '');
    const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target).filter((target) => !/^https?:/.test(target));
    const broken = targets.filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? join(ROOT, document) : join(ROOT, dirname(document), path);
      return !existsSync(file) || (anchor !== undefined && !anchors(file).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test('reach every page of docs/ from the README or a page that it names', () => {
    const named = (file: string): string[] =>
      [...read(file).matchAll(/\]\(([^)#\s]+)/g)].map(([, target = '']) => relative(ROOT, join(ROOT, dirname(file), target)));
    const near = named('README.md');
    const far = near.filter((file) => file.endsWith('.md') && existsSync(join(ROOT, file))).flatMap(named);
    const pages = below('docs', '.md').filter((file) => !file.startsWith('docs/decisions/'));
    expect(pages.filter((file) => !near.includes(file) && !far.includes(file))).toEqual([]);
  });
});

describe('snippets of TypeScript', () => {
  let folder: string;
  const folderOf = (document: string): string => snippetFolder(folder, document);

  beforeAll(() => {
    folder = makeSnippetFolder();
    writeSnippets(folder, blocks('ts'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('have the types of this package', { timeout: 120_000 }, () => {
    const config = { extends: '../../tsconfig.json', compilerOptions: { noUnusedLocals: true }, include: ['**/*.ts'], exclude: [] };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout, status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  test('of the README declare an action that its policy speaks of', async () => {
    const actions = (await import(pathToFileURL(join(folderOf('README.md'), 'actions.ts')).href)) as ActionTree;
    const manifests = [...registerActions(actions).values()].map(({ manifest }) => manifest);
    const config = blocks('yaml').find(({ document, file }) => document === 'README.md' && file === 'holdpoint.config.yaml');
    const { groups } = parse(config?.text ?? '') as { readonly groups: Readonly<Record<string, readonly string[]>> };
    const sources = blocks('cedar')
      .filter(({ document }) => document === 'README.md')
      .map(({ text }) => ({ file: 'mail.cedar', text }));
    const set = loadPolicies({ sources, manifests, groups });
    const call = { agent: 'reminder-bot', action: 'mail.send', facts: null, run: { workflow: 'remind', requesters: [], labels: {} } };
    const ruling = (to: string) => set.rule({ ...call, input: { to, text: 'Hello' } }).kind;
    expect([ruling('ada@example.com'), ruling('ada@elsewhere.example')]).toEqual(['allow', 'requires']);
  });
});

const PLACE = { repository: '/srv/repository', remote: '/srv/remote.git', scratch: '/srv/scratch', forbidden: [] };
const MANIFESTS: readonly ActionManifest[] = [...registerActions({ ...releaseActions(PLACE), http: httpActions(), demo }).values()].map(
  ({ manifest }) => manifest,
);
const GROUPS = { operators: ['ada', 'alan'], 'release-managers': ['ada', 'alan'] };

describe('snippets of policies and files', () => {
  const policies = blocks('cedar').filter(({ document }) => document !== 'README.md');
  const sources = policies.map(({ document, text }, index) => ({ file: `${document} ${index}`, text }));

  test('of Cedar load against the shipped actions', () => {
    expect(sources.length).toBeGreaterThan(3);
    expect(loadPolicies({ sources, manifests: MANIFESTS, groups: GROUPS }).policies.length).toBeGreaterThan(5);
  });

  test('of policy examples hold for the policies beside them', () => {
    const set = loadPolicies({ sources, manifests: MANIFESTS, groups: GROUPS });
    const results = blocks('yaml')
      .filter(({ file }) => file?.endsWith('.test.yaml') === true)
      .flatMap(({ text }) => testPolicies(set, text));
    expect(results.length).toBeGreaterThan(1);
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
  });

  test.each(blocks('yaml').map(({ document, file, text }) => [document, file, text] as const))(
    'of YAML in %s (%s) are read',
    (_, file, text) => {
      expect(parse(text)).toBeTypeOf('object');
      if (file === 'holdpoint.config.yaml') expect(parseConfig(text, file)).toHaveProperty('file');
      if (file === 'chain.yaml') checkChain(parseChain(parse(text)), MANIFESTS);
    },
  );

  test.each(blocks('json').map(({ document, text }) => [document, text] as const))('of JSON in %s are read', (_, text) => {
    expect(JSON.parse(text)).toBeTypeOf('object');
  });
});

describe('commands', () => {
  const shell = { env: {}, cwd: ROOT, print: () => undefined, complain: () => undefined, now: () => 0, pause: async () => undefined };
  const host = { shell: { ...shell, stopped: () => new AbortController().signal, program: 'holdpoint' }, outcome: { code: 0 } as const };
  const program = buildProgram(host, '0.0.0');
  const verbs = program.commands.flatMap((noun) => (noun.commands.length === 0 ? [noun] : noun.commands));
  const nameOf = (command: Command): string =>
    command.parent === program ? command.name() : `${command.parent?.name()} ${command.name()}`;

  /** Why a command line is not one of ours, or null. */
  function fault(line: string): string | null {
    const words = line.replace(/#.*$/, '').trim().split(/\s+/).slice(1);
    const noun = program.commands.find((one) => one.name() === words[0]);
    if (noun === undefined) return /^[<-]/.test(words[0] ?? '-') ? null : `${line}: no command ${words[0]}`;
    const verb = noun.commands.length === 0 ? noun : noun.commands.find((one) => one.name() === words[1]);
    if (verb === undefined) return words[1]?.startsWith('--help') === true ? null : `${line}: no verb ${words[1]}`;
    const known = new Set(['--help', ...verb.options.map(({ long }) => long)]);
    const unknown = words.map((word) => /^--[\w-]+/.exec(word)?.[0]).filter((word) => word !== undefined && !known.has(word));
    return unknown.length === 0 ? null : `${line}: ${nameOf(verb)} has no ${unknown.join(', ')}`;
  }

  test('that a document shows exist, with every option', () => {
    const shown = blocks('sh', 'console', 'text').flatMap(({ document, text }) =>
      [...text.replaceAll('\\\n', ' ').matchAll(/^\s*(?:\$ )?(?:npx )?(holdpoint \S.*)$/gm)].map(
        ([, line = '']) => [document, line] as const,
      ),
    );
    const inline = DOCUMENTS.flatMap((document) =>
      [
        ...read(document)
          .replace(/^```[\s\S]*?^```$/gm, '')
          .matchAll(/`(?:npx )?(holdpoint [^`]+)`/g),
      ].map(([, line = '']) => [document, line] as const),
    );
    expect(shown.length).toBeGreaterThan(20);
    expect(
      [...shown, ...inline].flatMap(([document, line]) => {
        const why = fault(line);
        return why === null ? [] : [`${document}: ${why}`];
      }),
    ).toEqual([]);
  });

  test('stand in docs/cli.md, each with its options', () => {
    const rows = read('docs/cli.md')
      .split('\n')
      .filter((line) => line.startsWith('| `holdpoint '));
    const common = new Set(['--json', '--server', '--token']);
    const missing = verbs.flatMap((verb) => {
      const row = rows.find((line) => line.startsWith(`| \`holdpoint ${nameOf(verb)}`));
      if (row === undefined) return [nameOf(verb)];
      return verb.options.flatMap(({ long }) => (long && !common.has(long) && !row.includes(long) ? [`${nameOf(verb)} ${long}`] : []));
    });
    expect(missing).toEqual([]);
    expect(rows.length).toBe(verbs.length);
  });
});

describe('lists', () => {
  const shipped = Object.keys(FOLDER_TABLE)
    .flatMap((folder) => below(folder, '.ts'))
    .filter((file) => !/\.(test|fixture)\.ts$/.test(file));
  const sources = shipped.map(read).join('\n');
  const column = (text: string, at: number): string[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|')[at] ?? '');
  const words = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

  test('docs/errors.md has every code of the source, and no other', () => {
    const KIND = "'(?:invalid|not_found|refused|conflict|unreachable|failed)'";
    const FORMS = [
      `new Refusal\\(\\s*${KIND},\\s*'(\\w+)'`,
      `${KIND}, '([a-z]+_\\w+)'`,
      `\\bcode: '([a-z]+_\\w+)'`,
      `'(json_\\w+)'`,
      `\\brefused\\('(\\w+)'`,
      `\\bwrong\\('(\\w+)'`,
    ];
    const found = FORMS.flatMap((form) => [...sources.matchAll(new RegExp(form, 'g'))].map(([, code = '']) => code));
    const listed = column(read('docs/errors.md'), 1).flatMap(words);
    const expected = [...found, ...DENIAL_CODES, ...LEDGER_ERROR_CODES, ...PROBLEM_CODES].filter((code) => code !== 'not_found');
    expect([...new Set(expected)].filter((code) => !listed.includes(code))).toEqual([]);
    const made = ['chain_reference_unknown', 'chain_reference_later'];
    expect(sources).toContain('`chain_reference_${which}`');
    expect(listed.filter((code) => !sources.includes(`'${code}'`) && !made.includes(code))).toEqual([]);
  });

  test('docs/api.md has every endpoint with who may use it, and no other', () => {
    const rows = read('docs/api.md')
      .split('\n')
      .filter((line) => /^\| `(GET|POST|DELETE) /.test(line));
    const listed = rows.map((line) =>
      line
        .split('|')
        .slice(1, 3)
        .map((cell) => cell.trim().replaceAll('`', ''))
        .join(' '),
    );
    const routes = createRoutes('0.0.0').map(({ spec: { method, path, who } }) => `${method.toUpperCase()} ${path} ${who}`);
    expect(listed.toSorted()).toEqual(routes.toSorted());
  });

  test('docs/operations.md has every setting and variable', () => {
    const text = read('docs/operations.md');
    const settings = column(text.slice(text.indexOf('| key |'), text.indexOf('## Environment')), 1).flatMap(words);
    const nested = ['worker', 'temporal', 'server'] as const;
    const keys = Object.entries(configSchema.shape).flatMap(([key, schema]) =>
      (nested as readonly string[]).includes(key)
        ? Object.keys((schema.unwrap() as { readonly shape: object }).shape).map((inner) => `${key}.${inner}`)
        : [key],
    );
    expect(settings.toSorted()).toEqual(keys.toSorted());
    const variables = new Set([...sources.matchAll(/\bget\('([A-Z_]+)'\)|env\['([A-Z_]+)'\]/g)].map(([, a, b]) => a ?? b ?? ''));
    const foreign = ['PATH', 'npm_command'];
    expect([...variables].filter((name) => !text.includes(`\`${name}\``) && !foreign.includes(name))).toEqual([]);
  });

  test('docs/limits.md has every limit', () => {
    expect(column(read('docs/limits.md'), 1).flatMap(words).toSorted()).toEqual(Object.keys(DEFAULT_LIMITS).toSorted());
  });

  test('CONTRIBUTING.md has the folder table as the tests have it', () => {
    const rows = read('CONTRIBUTING.md')
      .split('\n')
      .filter((line) => /^\| `\w+\/` \|/.test(line));
    const listed = rows.map((row) => row.split('|').map((cell) => cell.trim())).map(([, folder = '', , may = '']) => [folder, words(may)]);
    expect(listed).toEqual(Object.entries(FOLDER_TABLE).map(([folder, { folders }]) => [`\`${folder}/\``, folders]));
  });
});
