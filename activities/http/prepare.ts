import { z } from 'zod';
import { Refusal } from '../../core/index.ts';
import type { ActionContext } from '../define-action.ts';
import { NothingHappened } from '../define-action.ts';
import { SECRET_HEADERS, isHeaderValue } from './http-names.ts';
import { isListed } from './guarded-lookup.ts';
import type { HttpSettings } from './options.ts';
import type { HttpResponse } from './send.ts';

export const facts = z.strictObject({ url: z.string() });

export const output = z.strictObject({
  status: z.int(),
  /** Of the response: after redirects within the origin it differs from the request's. */
  url: z.string(),
  headers: z.record(z.string(), z.string()),
  /** Text where the body is UTF-8, base64 otherwise. */
  body: z.string(),
  encoding: z.enum(['utf8', 'base64']),
  truncated: z.boolean(),
});

/** The headers to send, secrets in place. Throws `NothingHappened`, without any value. */
export function fillSecrets(
  settings: HttpSettings,
  url: URL,
  headers: Readonly<Record<string, string>>,
  context: Pick<ActionContext<unknown>, 'secret'>,
): Record<string, string> {
  const filled: Record<string, string> = { ...headers };
  for (const name of SECRET_HEADERS) {
    const reference = headers[name];
    if (reference === undefined) continue;
    if (url.protocol === 'http:' && !isListed(settings, url)) {
      throw new NothingHappened(
        `${url.origin} would receive the header "${name}" unencrypted; secrets go over https, or where "allow" says.`,
      );
    }
    const value = readSecret(reference, context);
    if (!isHeaderValue(value)) throw new NothingHappened(`The secret for the header "${name}" cannot stand in a header.`);
    filled[name] = value;
  }
  return filled;
}

function readSecret(reference: string, context: Pick<ActionContext<unknown>, 'secret'>): string {
  try {
    return context.secret(reference);
  } catch (cause) {
    throw new NothingHappened(cause instanceof Error ? cause.message : `${reference} is missing.`, { cause });
  }
}

/** One signal for cancellation and the total time. */
export function withinTime(settings: HttpSettings, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(settings.totalTimeout)]);
}

/** The URL that was judged, and no other. */
export function judgedUrl(input: string, known: { readonly url: string }): URL {
  const url = new URL(input);
  if (url.href === known.url) return url;
  const refusal = new Refusal('conflict', 'http_changed', 'The URL is not the one that was judged.');
  throw new NothingHappened(refusal.message, { cause: refusal });
}

export function render(url: URL, { status, headers, bytes, truncated }: HttpResponse): z.output<typeof output> {
  const text = textOf(bytes, truncated);
  const body =
    text === null ? ({ body: bytes.toString('base64'), encoding: 'base64' } as const) : ({ body: text, encoding: 'utf8' } as const);
  return { status, url: url.href, headers, ...body, truncated };
}

/** Less a character that the limit cut in two; null = not UTF-8. */
function textOf(bytes: Buffer, cut: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    return null;
  }
}
