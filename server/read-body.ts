import { raw } from 'express';
import type { Request } from 'express';
import { Refusal, parseJson } from '../core/index.ts';
import type { Json } from '../core/index.ts';

/** As Temporal's limit for one payload: what is larger is refused before Temporal sees it. */
export const MAX_BODY_BYTES = 2 * 1024 * 1024;

export const bodyBytes = raw({ type: () => true, limit: MAX_BODY_BYTES, inflate: false });

/** The request's bytes as text; empty where there is no body. Throws `Refusal` `media_type_unsupported` or `json_invalid`. */
export function bodyText(request: Request): string {
  const bytes: unknown = request.body;
  if (!Buffer.isBuffer(bytes) || bytes.length === 0) return '';
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/json\s*(?:;\s*charset=["']?utf-8["']?\s*)?$/i.test(type)) {
    throw new Refusal('invalid', 'media_type_unsupported', `The body is JSON, sent as application/json; got ${JSON.stringify(type)}.`, {
      hint: 'Send the header "Content-Type: application/json".',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new Refusal('invalid', 'json_invalid', 'The body is not UTF-8 text.', { hint: 'Send JSON in UTF-8.', cause });
  }
}

/** `undefined` where there is no body. Throws `Refusal`, as `parseJson` does. */
export function bodyJson(text: string): Json | undefined {
  return text.trim() === '' ? undefined : parseJson(text);
}

/** What the body parser throws, in our words; any other error is given back as it is. */
export function bodyError(error: unknown): unknown {
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : null;
  switch (type) {
    case 'entity.too.large':
      return new Refusal('invalid', 'payload_too_large', `A request's body may have ${MAX_BODY_BYTES} bytes (2 MB); this one is larger.`, {
        hint: 'Put large data into a file or object store, and pass its address.',
        cause: error,
      });
    case 'encoding.unsupported':
      return new Refusal('invalid', 'media_type_unsupported', 'The body is sent uncompressed.', {
        hint: 'Leave out Content-Encoding.',
        cause: error,
      });
    case 'request.aborted':
    case 'request.size.invalid':
      return new Refusal('invalid', 'body_incomplete', 'The body ended before the length that its header states.', {
        hint: 'Send it again.',
        cause: error,
      });
    default:
      return error;
  }
}
