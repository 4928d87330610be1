/**
 * The words that every folder shares. Identifiers are opaque strings; texts whose shape carries a
 * promise (a digest, canonical JSON, a step key) are branded, so that only their maker can make one.
 */
declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

/** `run-` and 26 base32 characters (130 random bits); also the Temporal workflow id of the run's root. */
export type RunId = string;
/** `hold-` and 26 base32 characters. */
export type HoldId = string;
/** A random token that one gate execution draws before it claims; claim and settle are idempotent by it. */
export type Token = string;
/** The action's path in the exported `actions`, and its Temporal activity type: `git.push`. */
export type ActionName = string;
/** A person or an agent: `person:ada`, `agent:release-bot`. */
export type Principal = string;

/** RFC 8785 text of a JSON value; made by `canonical` alone. */
export type CanonicalText = Brand<'CanonicalText'>;
/** Lower-case hex SHA-256 of a canonical text (64 characters); made outside core, which has no crypto. */
export type Digest = Brand<'Digest'>;
/** Logical path and ordinal of a step within its run: `/3`, `/3/1`. See `step-key.ts`. */
export type StepKey = Brand<'StepKey'>;

/** Milliseconds since the Unix epoch, by the ledger's clock. */
export type Instant = number;
/** A duration in milliseconds. */
export type Millis = number;

declare const micros: unique symbol;
/** An amount of money in millionths of a US dollar: a non-negative safe integer. See `money.ts`. */
export type Micros = number & { readonly [micros]: true };

/** A JSON value as `canonical` accepts it. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
