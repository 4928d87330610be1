import { z } from 'zod';
import { defineAction } from '../define-action.ts';
import { SECRET_HEADERS, headers, httpUrl, normaliseUrl, urlFault } from './http-names.ts';
import type { HttpSettings } from './options.ts';
import { facts, fillSecrets, judgedUrl, output, render, withinTime } from './prepare.ts';
import type { HttpResponse } from './send.ts';
import { send } from './send.ts';

export function getAction(settings: HttpSettings) {
  return defineAction({
    summary: 'Get a web resource',
    input: z.strictObject({ url: httpUrl, headers: headers.optional() }),
    output,
    annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: true },
    title: ({ url }) => `GET ${normaliseUrl(url)}`,
    secrets: SECRET_HEADERS.map((name) => `headers.${name}`),
    facts,
    resolve: async ({ url }) => ({ facts: { url: normaliseUrl(url) } }),
    timeout: settings.totalTimeout + 1_000,
    run: async (input, context) => {
      let url = judgedUrl(input.url, context.facts);
      const filled = fillSecrets(settings, url, input.headers ?? {}, context);
      const signal = withinTime(settings, context.signal);
      for (let followed = 0; ; followed += 1) {
        const response = await send(settings, { method: 'GET', url, headers: filled, signal });
        const next = followed < settings.maxRedirects ? sameOriginTarget(url, response) : null;
        if (next === null) return render(url, response);
        url = next;
      }
    },
  });
}

/** Where a redirect leads within the origin; null = there is none to follow, and the response is the result. */
function sameOriginTarget(url: URL, { status, headers: { location } }: HttpResponse): URL | null {
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined || !URL.canParse(location, url.href)) return null;
  const target = new URL(location, url);
  target.hash = '';
  return target.origin === url.origin && urlFault(target.href) === null ? target : null;
}
