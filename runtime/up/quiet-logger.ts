import { createWriteStream } from 'node:fs';
import { DefaultLogger } from '@temporalio/worker';
import type { Logger } from '@temporalio/worker';

/** The SDK's log, in a file: the terminal is for what people must read. */
export function fileLogger(file: string): Logger {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  return new DefaultLogger('INFO', ({ level, timestampNanos, message, meta }) => {
    const at = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
    stream.write(
      `${JSON.stringify({ at, level, message, ...meta }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value instanceof Error ? value.stack : value))}\n`,
    );
  });
}
