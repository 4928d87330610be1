import { z } from 'zod';
import { isSecretReference } from '../../core/index.ts';

const URL_MAX = 4_096;
const VALUE_MAX = 4_096;

/** Headers that this client sets itself, or that concern the connection and not the request (RFC 9110, section 7.6.1). */
const OURS = new Set([
  'host',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
  'expect',
  'idempotency-key',
  'accept-encoding',
  'http2-settings',
  'via',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-http-method-override',
]);

/** Headers that carry credentials: their values are `secret:NAME`, and are replaced by the secret when the request is sent. */
export const SECRET_HEADERS = ['authorization', 'cookie', 'x-api-key'] as const;

/** Why a text is no URL to request, as the end of a sentence; null = it is one. */
export function urlFault(text: string): string | null {
  if (text.length > URL_MAX) return `is longer than ${URL_MAX} characters`;
  if (/[\p{C}\p{Z}\\]/u.test(text)) return 'has spaces, backslashes or invisible characters';
  if (!/^https?:\/\/[^/]/i.test(text)) return 'does not begin with http:// or https://';
  if (!URL.canParse(text)) return 'is no URL';
  const { username, password, hash } = new URL(text);
  if (username !== '' || password !== '') return 'has a user name or a password';
  if (hash !== '') return 'has a fragment';
  return null;
}

/** One spelling: lower-case host, decimal IPv4 address, no default port, no dot segments. */
export function normaliseUrl(text: string): string {
  return new URL(text).href;
}

export const httpUrl = z.string().superRefine((text, context) => {
  const fault = urlFault(text);
  // The text is not repeated: it may hold a password.
  if (fault !== null) context.addIssue({ code: 'custom', message: `The URL ${fault}.` });
});

/** Why a header cannot be given, as a sentence; null = it can. */
function headerFault(name: string, value: string): string | null {
  if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name))
    return `A header's name is in lower-case letters; got ${JSON.stringify(name.slice(0, 100))}.`;
  if (OURS.has(name) || name.startsWith('proxy-')) return `The header "${name}" cannot be given: the client sets it, or nobody may.`;
  // The value is not repeated: it may be a secret in the wrong place.
  if (SECRET_HEADERS.some((secret) => secret === name)) {
    return isSecretReference(value) ? null : `The header "${name}" is given as "secret:NAME", never by its value.`;
  }
  return isHeaderValue(value) ? null : `The header "${name}" has printable ASCII characters only, at most ${VALUE_MAX}.`;
}

export function isHeaderValue(value: string): boolean {
  return value.length <= VALUE_MAX && /^[\x20-\x7e]*$/.test(value);
}

export const headers = z.record(z.string(), z.string()).superRefine((given, context) => {
  if (Object.keys(given).length > 50) context.addIssue({ code: 'custom', message: 'There are at most 50 headers.' });
  for (const [name, value] of Object.entries(given)) {
    const fault = headerFault(name, value);
    if (fault !== null) context.addIssue({ code: 'custom', message: fault, path: [name] });
  }
});
