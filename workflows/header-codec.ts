import { defaultPayloadConverter } from '@temporalio/common';
import type { Headers } from '@temporalio/workflow';
import { ADOPTED_RUN, HEADER, parseRunHeader } from '../core/index.ts';
import type { CallHeader, Mode, RunHeader } from '../core/index.ts';

/** The run header that an execution was started with; null = Holdpoint did not start it, or it cannot be read. */
export function readRunHeader(headers: Headers): RunHeader | null {
  const payload = headers[HEADER];
  try {
    return payload === undefined ? null : parseRunHeader(defaultPayloadConverter.fromPayload(payload));
  } catch {
    return null;
  }
}

/** What stands for the header that an execution was not started with. */
export function adoptedHeader(mode: Mode): RunHeader {
  return { v: 1, run: ADOPTED_RUN, path: '', next: 1, queues: [], ungoverned: [], mode };
}

/** The headers with ours set; with null, without it, so that nobody else's stands in its place. */
export function withHeader(headers: Headers, header: RunHeader | CallHeader | null): Headers {
  const { [HEADER]: _, ...others } = headers;
  return header === null ? others : { ...others, [HEADER]: defaultPayloadConverter.toPayload(header) };
}
