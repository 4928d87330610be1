import { defaultPayloadConverter } from '@temporalio/common';
import type { Headers } from '@temporalio/workflow';
import { HEADER, parseRunHeader } from '../core/index.ts';
import type { CallHeader, RunHeader } from '../core/index.ts';

/** The run header that an execution was started with; null = Holdpoint did not start it, or it cannot be read. */
export function readRunHeader(headers: Headers): RunHeader | null {
  const payload = headers[HEADER];
  try {
    return payload === undefined ? null : parseRunHeader(defaultPayloadConverter.fromPayload(payload));
  } catch {
    return null;
  }
}

/** The headers with ours set; with null, without it, so that nobody else's stands in its place. */
export function withHeader(headers: Headers, header: RunHeader | CallHeader | null): Headers {
  const { [HEADER]: _, ...others } = headers;
  return header === null ? others : { ...others, [HEADER]: defaultPayloadConverter.toPayload(header) };
}
