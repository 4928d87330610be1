import { randomUUID } from 'node:crypto';
import { Refusal } from '../core/index.ts';
import type { Page, RefusalKind } from '../core/index.ts';
import type { FoundServer } from './find-server.ts';

type Query = Readonly<Record<string, string | number | undefined>>;

/** The API, as the commands use it. Every call throws `Refusal` with the server's code, or `server_unreachable`. */
export interface Client {
  readonly server: FoundServer;
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  remove<T>(path: string): Promise<T>;
  /** Items of a list over all its pages, `most` at most; `more` = there were others. */
  list<T>(path: string, query: Query, most: number): Promise<{ readonly items: readonly T[]; readonly more: boolean }>;
}

const TIMEOUT_MILLIS = 30_000;
const PAGE = 200;

export function createClient(server: FoundServer): Client {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => (await send(server, method, path, body)) as T;
  return {
    server,
    get: (path, query) => call('GET', withQuery(path, query)),
    post: (path, body) => call('POST', path, body),
    remove: (path) => call('DELETE', path),
    async list<T>(path: string, query: Query, most: number) {
      const items: T[] = [];
      let cursor: string | undefined;
      do {
        const limit = Math.min(PAGE, most - items.length);
        // oxlint-disable-next-line no-await-in-loop -- a page says where the next one begins
        const page: Page<T> = await call<Page<T>>('GET', withQuery(path, { ...query, limit, cursor }));
        items.push(...page.items);
        cursor = page.next ?? undefined;
      } while (cursor !== undefined && items.length < most);
      return { items, more: cursor !== undefined };
    },
  };
}

function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).flatMap(([key, value]): [string, string][] => (value === undefined ? [] : [[key, String(value)]]));
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
}

async function send(server: FoundServer, method: string, path: string, body: unknown): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${server.url}/api/v1${path}`, {
      method,
      // A redirect would carry the token elsewhere.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MILLIS),
      headers: {
        Accept: 'application/json',
        ...(server.token === null ? {} : { Authorization: `Bearer ${server.token}` }),
        ...(method === 'POST' ? { 'Content-Type': 'application/json', 'Idempotency-Key': randomUUID() } : {}),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    text = await response.text();
  } catch (cause) {
    throw unreachable(server, cause);
  }
  const answer = parse(server, text);
  if (response.ok) return answer;
  throw refusalOf(response.status, answer);
}

function parse(server: FoundServer, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Refusal('unreachable', 'not_holdpoint', `What answers at ${server.url} is not a Holdpoint server.`, {
      hint: 'Check --server, HOLDPOINT_URL and HOLDPOINT_PORT.',
      cause,
    });
  }
}

function unreachable(server: FoundServer, cause: unknown): Refusal {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = inner instanceof Error ? ('code' in inner && typeof inner.code === 'string' ? inner.code : inner.message) : String(inner);
  return new Refusal('unreachable', 'server_unreachable', `No Holdpoint server answers at ${server.url} (${why}).`, {
    hint: 'Start one with "npm start" or "holdpoint up", or name it with --server or HOLDPOINT_URL.',
    cause,
  });
}

const KINDS: Readonly<Record<number, RefusalKind>> = {
  400: 'invalid',
  401: 'refused',
  403: 'refused',
  404: 'not_found',
  405: 'invalid',
  409: 'conflict',
  413: 'invalid',
  415: 'invalid',
  421: 'refused',
  502: 'unreachable',
  503: 'unreachable',
  504: 'unreachable',
};

/** A problem document, or whatever else came with an error status. */
function refusalOf(status: number, answer: unknown): Refusal {
  const { code, detail, hint, data } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  return new Refusal(
    KINDS[status] ?? 'failed',
    typeof code === 'string' ? code : 'server_failed',
    typeof detail === 'string' ? detail : `The server answered with status ${status}.`,
    {
      ...(typeof hint === 'string' ? { hint } : {}),
      data: typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {},
    },
  );
}
