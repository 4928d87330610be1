import { resolve } from 'node:path';
import { Refusal, checkChain, parseChain } from '../core/index.ts';
import type { ActionManifest, ChainPlan } from '../core/index.ts';
import { readFile } from './options.ts';
import type { Shell } from './shell.ts';

/** Whether the word names a file with a chain rather than a workflow. */
export function isChainFile(word: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(word) || word.includes('/');
}

export interface ChainFile {
  /** As the file states it; the server checks it again. */
  readonly document: unknown;
  readonly plan: ChainPlan;
}

/**
 * Reads a chain from YAML or JSON. Aliases are refused: a short file must not stand for a huge one. Throws
 * `Refusal` `file_unreadable`, `chain_not_yaml`, or as `parseChain` does.
 */
export async function readChainFile(word: string, shell: Shell): Promise<ChainFile> {
  const text = readFile(resolve(shell.cwd, word), 'run start');
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const parsed = parseDocument(text, { uniqueKeys: true, strict: true, lineCounter: lines });
  const [problem] = [...parsed.errors, ...parsed.warnings];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const why = problem.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? problem.code;
    throw new Refusal('invalid', 'chain_not_yaml', `${word}:${line}:${col}: ${why}.`, { hint: 'Correct the YAML at this place.' });
  }
  let document: unknown;
  try {
    document = parsed.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new Refusal('invalid', 'chain_not_yaml', `${word}: aliases (*name) are not accepted.`, {
      hint: 'Write the value out where it is used.',
      cause,
    });
  }
  return { document, plan: parseChain(document) };
}

export function checkChainFile({ plan }: ChainFile, manifests: readonly ActionManifest[]): void {
  checkChain(plan, manifests);
}
