import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const README = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');

/** What the README leaves to the reader: how TypeScript is set up, where the mail service and Temporal are. */
export interface Surroundings {
  /** Base URL of the mail service. */
  readonly mail: string;
  /** Of this project alone: others run on the same Temporal server. */
  readonly taskQueue: string;
}

/** Writes the snippets of "Governing your own workflow" into the files that they name, as a reader would. */
export function writeReadmeProject(folder: string, { mail, taskQueue }: Surroundings): void {
  const files = {
    'actions.ts': replaced(snippet('ts', 'actions.ts'), 'https://mail.example', mail),
    'workflows.ts': snippet('ts', 'workflows.ts'),
    'worker.ts': elsewhere(replaced(snippet('ts', 'worker.ts'), "'my-agents'", `'${taskQueue}'`)),
    'holdpoint.config.yaml': replaced(snippet('yaml', 'holdpoint.config.yaml'), 'my-agents', taskQueue),
    'policies/mail.cedar': snippet('cedar', null),
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  writeConfig(folder, 'tsconfig.json', {});
}

/** A configuration for TypeScript that takes nothing of ours on trust. */
export function writeConfig(folder: string, name: string, more: Readonly<Record<string, unknown>>): void {
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    rewriteRelativeImportExtensions: true,
    rootDir: '.',
    outDir: 'dist',
    ...more,
  };
  writeFileSync(join(folder, name), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
}

function snippet(language: string, file: string | null): string {
  const found = [...README.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))]
    .map(([, text = '']) => text)
    .find((text) => file === null || new RegExp(`^(//|#) ${file}`).test(text));
  if (found === undefined) throw new Error(`README.md has no ${language} snippet ${file ?? ''}`);
  return found;
}

/** The README's worker takes Temporal's default address; that of the tests is another. */
function elsewhere(worker: string): string {
  const imported = replaced(worker, 'import { Worker }', 'import { NativeConnection, Worker }');
  return replaced(
    imported,
    'Worker.create({',
    "Worker.create({ connection: await NativeConnection.connect({ address: process.env['TEMPORAL_ADDRESS']! }),",
  );
}

function replaced(text: string, from: string, to: string): string {
  if (!text.includes(from)) throw new Error(`the README's snippet no longer has ${from}`);
  return text.replaceAll(from, to);
}
