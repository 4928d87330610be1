import { z } from 'zod';
import { visibleText } from '../../core/index.ts';

/** Bytes of UTF-8: what Linux and macOS accept in one component, and in a whole path. */
const COMPONENT_MAX = 255;
const PATH_MAX = 1_024;

/** Characters that hide or reorder text, unassigned ones and lone surrogates; file systems ignore some of them when they compare names. */
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** Why a text is not a path below a root, as the end of a sentence that begins with the path; null = it is one. */
export function pathFault(path: string): string | null {
  if (path === '') return 'is empty';
  if (Buffer.byteLength(path) > PATH_MAX) return `is longer than ${PATH_MAX} bytes`;
  if (HIDDEN.test(path)) return 'has a control character or one that is invisible';
  if (path.includes('\\')) return 'has a backslash; folders are separated by "/"';
  if (path.startsWith('/')) return 'is absolute; paths are relative to the root';
  for (const component of path.split('/')) {
    const fault = componentFault(component);
    if (fault !== null) return fault;
  }
  return null;
}

function componentFault(component: string): string | null {
  if (component === '') return 'has an empty component ("//" or a "/" at the end)';
  if (component === '.' || component === '..') return `has a component "${component}"`;
  if (Buffer.byteLength(component) > COMPONENT_MAX) return `has a component longer than ${COMPONENT_MAX} bytes`;
  if (isGitFolder(component)) return `has a component "${component}", which stands for a ".git" folder`;
  return null;
}

/** Whether some file system takes this name for `.git`: by case, width, trailing dots and spaces, a stream's name or a short name. */
export function isGitFolder(component: string): boolean {
  const folded = component
    .normalize('NFKC')
    .replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
    .toLowerCase()
    .replace(/:.*$/u, '')
    .replace(/[. ]+$/u, '');
  return folded === '.git' || /^git~\d+$/.test(folded);
}

/** A path below the root, written in one way only: `docs/guide.md`. */
export const rootedPath = z.string().superRefine((path, context) => {
  const fault = pathFault(path);
  if (fault !== null) context.addIssue({ code: 'custom', message: `The path "${visibleText(path.slice(0, 200))}" ${fault}.` });
});
