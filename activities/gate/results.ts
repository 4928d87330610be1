import { createHash } from 'node:crypto';
import type { LoadedDataConverter, Payload } from '@temporalio/common';
import { decodeOptionalSinglePayload, encodeToPayload } from '@temporalio/common/lib/internal-non-workflow/index.js';
import type { StoredResult } from '../../core/index.ts';
import { getBlob, putBlob } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';

/** Above this, in bytes of stored text, a result is kept in a row of its own and the call refers to it. */
const INLINE_AT_MOST = 64 * 1024;
/** Temporal refuses larger payloads; such a result is recorded, and the workflow is told that it is too large. */
const DELIVERED_AT_MOST = 2_000_000;

/** Results as the ledger keeps them: through the worker's data converter, so that its codecs encrypt them. */
export interface ResultStore {
  /**
   * `deliverable` is false where Temporal would refuse the payload. Throws `LedgerError`, and whatever the data
   * converter throws of a value that it cannot encode.
   */
  store(value: unknown): Promise<{ readonly stored: StoredResult; readonly deliverable: boolean }>;
  /** Throws `LedgerError`, `ResultMissing`, and whatever the data converter throws of what it cannot decode. */
  load(stored: StoredResult | null): Promise<{ readonly value: unknown; readonly deliverable: boolean }>;
}

/** A call's result is recorded by reference, and what it refers to is not there. */
export class ResultMissing extends Error {
  override readonly name = 'ResultMissing';
}

interface StoredPayload {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: string;
}

export function createResultStore(db: Database, converter: LoadedDataConverter): ResultStore {
  return {
    async store(value) {
      const payload = await encodeToPayload(converter, value);
      const text = payloadText(payload);
      const deliverable = isDeliverable(payload);
      if (text.length <= INLINE_AT_MOST) return { stored: { kind: 'inline', payload: text }, deliverable };
      const sha256 = createHash('sha256').update(text, 'utf8').digest('hex');
      await putBlob(db, sha256, text);
      return { stored: { kind: 'blob', sha256, bytes: text.length }, deliverable };
    },
    async load(stored) {
      if (stored === null) return { value: null, deliverable: true };
      const text = stored.kind === 'inline' ? stored.payload : await getBlob(db, stored.sha256);
      if (text === null) throw new ResultMissing('Its recorded result is missing from the ledger.');
      const payload = textPayload(text);
      return { value: await decodeOptionalSinglePayload(converter, payload), deliverable: isDeliverable(payload) };
    },
  };
}

function isDeliverable(payload: Payload): boolean {
  return (payload.data?.length ?? 0) <= DELIVERED_AT_MOST;
}

function payloadText(payload: Payload): string {
  const stored: StoredPayload = {
    metadata: Object.fromEntries(Object.entries(payload.metadata ?? {}).map(([name, bytes]) => [name, base64(bytes)])),
    data: base64(payload.data ?? new Uint8Array()),
  };
  return JSON.stringify(stored);
}

function textPayload(text: string): Payload {
  const stored = JSON.parse(text) as StoredPayload;
  return {
    metadata: Object.fromEntries(Object.entries(stored.metadata).map(([name, bytes]) => [name, Buffer.from(bytes, 'base64')])),
    data: Buffer.from(stored.data, 'base64'),
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
