import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const processRef = z.object({ pid: z.int().positive(), started: z.string() });
const serverRecord = z.object({
  /** Kept after the server has ended, so that the next one has the same address. */
  port: z.int().min(1).max(65_535),
  /** The server; null once it has been stopped. */
  server: processRef.nullable(),
  /** The process that stops the server when it ends. */
  owner: processRef,
  startedAt: z.iso.datetime(),
});

/** What `<home>/temporal.json` says of the server that was started for this home. */
export type ServerRecord = z.output<typeof serverRecord>;

/** Undefined where nothing usable is recorded: then a new server is started. */
export async function readRecord(home: string): Promise<ServerRecord | undefined> {
  const text = await readFile(file(home), 'utf8').catch(() => '');
  try {
    return serverRecord.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function writeRecord(home: string, record: ServerRecord): Promise<void> {
  const fresh = `${file(home)}.${process.pid}`;
  await writeFile(fresh, `${JSON.stringify(record)}\n`);
  await rename(fresh, file(home));
}

function file(home: string): string {
  return join(home, 'temporal.json');
}
