import { networkInterfaces } from 'node:os';
import { Refusal } from '../../core/index.ts';
import type { AllowList } from './allow-list.ts';
import { parseAllowList } from './allow-list.ts';

export interface HttpOptions {
  /** Destinations that may be reached although they are not public, or are this machine: see `parseAllowList`. Default: none. */
  readonly allow?: readonly string[];
  /** Whether every service that is posted to honours `Idempotency-Key`, so that a post may run again. Default: false. */
  readonly idempotentPosts?: boolean;
  /** For name lookup, connection and TLS together, in milliseconds. Default 5,000. */
  readonly connectTimeout?: number;
  /** For the whole request, redirects included, in milliseconds. Default 30,000. */
  readonly totalTimeout?: number;
  /** Bytes of a response's body that are kept; the rest is not read. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Redirects that a `get` follows within its origin. Default 5. */
  readonly maxRedirects?: number;
  /** Certificates to trust in place of the system's, in PEM. */
  readonly ca?: string;
  /** This machine's addresses, which count as not public. Default: asked of the system at each request. */
  readonly ownAddresses?: () => readonly string[];
}

export interface HttpSettings {
  readonly allow: AllowList;
  readonly idempotentPosts: boolean;
  readonly connectTimeout: number;
  readonly totalTimeout: number;
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly ca: string | undefined;
  readonly ownAddresses: () => readonly string[];
}

/** Checks and completes the options. Throws `Refusal` `http_option_invalid`. */
export function completeOptions(options: HttpOptions): HttpSettings {
  const { connectTimeout = 5_000, totalTimeout = 30_000, maxBytes = 1_048_576, maxRedirects = 5 } = options;
  for (const [name, value] of Object.entries({ connectTimeout, totalTimeout, maxBytes })) {
    if (!Number.isSafeInteger(value) || value < 1) invalid(`"${name}" is a whole number above 0; got ${String(value)}.`);
  }
  if (!Number.isSafeInteger(maxRedirects) || maxRedirects < 0) invalid(`"maxRedirects" is a whole number; got ${String(maxRedirects)}.`);
  return {
    allow: parseAllowList(options.allow ?? []),
    idempotentPosts: options.idempotentPosts ?? false,
    connectTimeout,
    totalTimeout,
    maxBytes,
    maxRedirects,
    ca: options.ca,
    ownAddresses: options.ownAddresses ?? interfaceAddresses,
  };
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
}

function invalid(message: string): never {
  throw new Refusal('invalid', 'http_option_invalid', message);
}
