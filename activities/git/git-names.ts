import { z } from 'zod';

/** Letters, digits and a few signs, beginning with neither a dash nor a dot: fewer than git allows, and none that a shell or git reads. */
const COMPONENT = /^[A-Za-z0-9_][A-Za-z0-9_.+@=#-]*$/;
const FAMILIES = /^refs\/(?:heads|tags|remotes)\//;

export const NO_OBJECT = '0'.repeat(40);

export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** The part of a ref after `refs/tags/`, by rules that are stricter than `git check-ref-format`. */
function isShortName(text: string): boolean {
  return (
    text.length <= 200 &&
    !text.includes('..') &&
    text.split('/').every((part) => COMPONENT.test(part) && !part.endsWith('.') && !part.endsWith('.lock')) &&
    // `git tag HEAD` makes a ref that every later command takes for something else.
    !/^[A-Z_]*HEAD$/.test(text)
  );
}

/** A full ref: `refs/heads/main`, `refs/tags/v1.0.0`, `refs/remotes/origin/main`. */
export function isFullRef(text: string): boolean {
  return FAMILIES.test(text) && isShortName(text.replace(FAMILIES, ''));
}

export const objectId = z.string().regex(/^[0-9a-f]{40}$/, 'An object id has 40 lower-case hex digits.');

export const revision = z
  .string()
  .refine(
    (text) => text === 'HEAD' || isObjectId(text) || isFullRef(text),
    'A revision is "HEAD", a full ref such as "refs/tags/v1.0.0", or 40 hex digits.',
  );

export const tagName = z
  .string()
  .refine(isShortName, 'A tag\'s name has letters, digits and "_.+@=#-/", begins with none of "-./", and has no ".." or ".lock".');

export const pushableRef = z
  .string()
  .refine(
    (text) => isFullRef(text) && !text.startsWith('refs/remotes/'),
    'A ref to push is a full one: "refs/tags/NAME" or "refs/heads/NAME".',
  );

export const remoteName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'A remote\'s name has letters, digits and "._-", and does not begin with a sign.');

/** Text of a commit or a tag: no control characters but line feeds and tabs, at most 10,000 characters. */
export const message = z
  .string()
  .max(10_000)
  .refine((text) => text.trim() !== '', 'A message is not empty.')
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  .refine((text) => !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text), 'A message has no control characters but line feeds and tabs.');

/** As git stores it: one line feed at the end. */
export function stored(text: string): string {
  return `${text.replace(/\n+$/, '')}\n`;
}

/** `v1.0.0` of `refs/tags/v1.0.0`. */
export function shortName(ref: string): string {
  return ref.replace(FAMILIES, '');
}
