import { fileURLToPath } from 'node:url';

/** Path of a module of ours that another tool opens by file name: `.ts` beside sources, `.js` beside the build. */
export function modulePath(from: string, specifier: string): string {
  const extension = from.endsWith('.ts') ? '.ts' : '.js';
  return fileURLToPath(new URL(`${specifier}${extension}`, from));
}
