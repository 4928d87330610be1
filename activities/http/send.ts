import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Refusal } from '../../core/index.ts';
import { NothingHappened } from '../define-action.ts';
import { checkLiteral, guardedLookup } from './guarded-lookup.ts';
import type { HttpSettings } from './options.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  /** Ends the request: cancellation, or the total time. */
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Lower-case names; repeated ones joined by ", ". Without `set-cookie`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly truncated: boolean;
}

/**
 * Sends one request on a connection of its own and reads the answer up to the limit. Follows nothing, and knows no proxies, cookies or
 * compression. Throws `NothingHappened` where it ends before a byte of the request was sent, and an `Error` after that.
 */
export function send(settings: HttpSettings, { method, url, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    let connected = false;
    const fail = (error: unknown) => {
      clearTimeout(timer);
      const what = describe(error, signal);
      reject(
        connected
          ? new Error(`${method} ${url.origin}: ${what}`, { cause: error })
          : new NothingHappened(`${url.origin}: ${what}`, { cause: error }),
      );
    };
    const timer = setTimeout(
      () => request.destroy(new Timeout(`no connection within ${settings.connectTimeout} ms`)),
      settings.connectTimeout,
    );
    try {
      checkLiteral(settings, url);
    } catch (error) {
      fail(error);
      return;
    }
    const secure = url.protocol === 'https:';
    const request = (secure ? requestHttps : requestHttp)(url, {
      method,
      // Names in the order given, `connection: close` by Node.
      headers: { ...headers, 'accept-encoding': 'identity', ...(body === undefined ? {} : { 'content-length': body.length }) },
      agent: false,
      lookup: guardedLookup(settings, url),
      signal,
      maxHeaderSize: 32_768,
      insecureHTTPParser: false,
      // Stated, since an environment variable can turn it off otherwise.
      ...(secure ? { rejectUnauthorized: true, ...(settings.ca === undefined ? {} : { ca: settings.ca }) } : {}),
    });
    request.once('socket', (socket) => {
      // Node writes the request as soon as this event has been handled.
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        connected = true;
        clearTimeout(timer);
      });
    });
    request.on('error', fail);
    // An informational or upgrade answer that nobody asked for.
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      fail(new Error('the server switched protocols'));
    });
    request.once('response', (response) => {
      collect(response, settings.maxBytes).then(
        ({ bytes, truncated }) => resolve({ status: response.statusCode ?? 0, headers: flat(response), bytes, truncated }),
        fail,
      );
    });
    request.end(body);
  });
}

class Timeout extends Error {}

async function collect(response: IncomingMessage, limit: number): Promise<{ readonly bytes: Buffer; readonly truncated: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving the loop destroys the response, and with it the connection.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk.subarray(0, limit - length));
    length += chunk.length;
    if (length > limit) return { bytes: Buffer.concat(chunks), truncated: true };
  }
  return { bytes: Buffer.concat(chunks), truncated: false };
}

function flat(response: IncomingMessage): Record<string, string> {
  const entries = Object.entries(response.headersDistinct)
    // Cookies are credentials, and nothing here would send them back.
    .filter(([name]) => name !== 'set-cookie')
    .map(([name, values]) => [name, (values ?? []).join(', ')] as const);
  return Object.fromEntries(entries);
}

/** Short, and without headers or body. */
function describe(error: unknown, signal: AbortSignal): string {
  if (error instanceof Refusal || error instanceof Timeout) return error.message.replace(/\.$/, '');
  if (signal.aborted)
    return signal.reason instanceof Error && signal.reason.name === 'TimeoutError' ? 'no answer in the time allowed' : 'cancelled';
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ENOTFOUND: 'the name does not exist',
    EAI_AGAIN: 'the name could not be looked up',
    ECONNRESET: 'the connection was closed',
    HPE_HEADER_OVERFLOW: 'the response has too many headers',
  };
  return known[code] ?? (code === '' ? (error instanceof Error ? error.message.slice(0, 200) : 'failed') : code);
}
