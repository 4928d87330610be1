import { z } from 'zod';
import { visibleLines } from '../../core/index.ts';
import { defineAction } from '../define-action.ts';
import { SECRET_HEADERS, headers, httpUrl, normaliseUrl } from './http-names.ts';
import type { HttpSettings } from './options.ts';
import { facts, fillSecrets, judgedUrl, output, render, withinTime } from './prepare.ts';
import { send } from './send.ts';

/** Bytes: with the rest of the input, well below what one Temporal payload may have. */
const BODY_MAX = 1_048_576;
const EVIDENCE_MAX = 2_500;

export function postAction(settings: HttpSettings) {
  return defineAction({
    summary: 'Post to a web service',
    input: z.strictObject({
      url: httpUrl,
      headers: headers.optional(),
      body: z.string().refine((text) => Buffer.byteLength(text) <= BODY_MAX, `The body is larger than ${BODY_MAX} bytes.`),
    }),
    output,
    annotations: { readOnly: false, destructive: true, idempotent: settings.idempotentPosts, openWorld: true },
    title: ({ url, body }) => `POST ${normaliseUrl(url)} (${Buffer.byteLength(body)} bytes)`,
    secrets: SECRET_HEADERS.map((name) => `headers.${name}`),
    editable: ['body'],
    facts,
    resolve: async ({ url, body }) => ({
      facts: { url: normaliseUrl(url) },
      evidence: [{ title: `Body (${Buffer.byteLength(body)} bytes)`, text: excerpt(body) }],
    }),
    timeout: settings.totalTimeout + 1_000,
    run: async (input, context) => {
      const url = judgedUrl(input.url, context.facts);
      const given = { 'content-type': 'application/json', ...input.headers };
      const filled = fillSecrets(settings, url, given, context);
      const response = await send(settings, {
        method: 'POST',
        url,
        headers: { ...filled, 'idempotency-key': context.idempotencyKey },
        body: Buffer.from(input.body, 'utf8'),
        signal: withinTime(settings, context.signal),
      });
      return render(url, response);
    },
  });
}

function excerpt(body: string): string {
  const text = visibleLines(body.slice(0, EVIDENCE_MAX)).join('\n').slice(0, EVIDENCE_MAX);
  return body.length > EVIDENCE_MAX ? `${text}\n… and more` : text;
}
