import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
export const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
export const below = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));

const TOP = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
export const DOCUMENTS = [...TOP, ...below('docs', '.md'), ...below('examples', '.md'), ...below('policies', '.md')];

export interface Block {
  readonly document: string;
  readonly language: string;
  readonly text: string;
  /** The file that its first line names: `// actions.ts (Node)`, `# holdpoint.config.yaml`. */
  readonly file: string | null;
}

const BLOCKS: readonly Block[] = DOCUMENTS.flatMap((document) =>
  [...read(document).matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language = '', text = '']) => {
    const file = /^(?:\/\/|#) ([\w.-]+\.\w+)/.exec(text)?.[1] ?? null;
    return { document, language, text, file };
  }),
);
export const blocks = (...languages: string[]): readonly Block[] => BLOCKS.filter(({ language }) => languages.includes(language));

/** A folder in the tree, so that packages are found; ignored by git and by every other tool. */
export function makeSnippetFolder(): string {
  mkdirSync(join(ROOT, '.holdpoint'), { recursive: true });
  return mkdtempSync(join(ROOT, '.holdpoint/docs-'));
}

export const snippetFolder = (folder: string, document: string): string => join(folder, document.replace(/\W/g, '_'));

/** Each snippet as a file, in a folder of its document, importing these sources as its package. Gives the files. */
export function writeSnippets(folder: string, snippets: readonly Block[]): readonly string[] {
  return snippets.map(({ document, file, text }, index) => {
    const place = snippetFolder(folder, document);
    if (!existsSync(place)) mkdirSync(place, { recursive: true });
    const path = join(place, file ?? `snippet-${index}.ts`);
    writeFileSync(path, ownPackage(text, place));
    return path;
  });
}

/** Imports of `holdpoint` as imports of these sources: `holdpoint/workflows` is `workflows/index.ts`. */
function ownPackage(text: string, from: string): string {
  const module = (path: string): string => relative(from, join(ROOT, path, 'index.ts'));
  return text.replace(/(from ')holdpoint(\/[\w/]+)?(')/g, (_, before: string, path: string | undefined, after: string) => {
    const source = path === undefined ? 'runtime' : path.replace(/^\/actions\//, 'activities/').replace(/^\//, '');
    return `${before}${module(source)}${after}`;
  });
}
