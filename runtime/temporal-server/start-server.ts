import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { launch, NAMESPACE } from './launch.ts';
import type { ProcessRef } from './processes.ts';
import { readRecord, writeRecord } from './server-record.ts';

export interface StartOptions {
  readonly executable: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Starts the development server on its database file, and resolves when it answers. Throws with the end of its log. */
export async function startServer({ executable, home, env }: StartOptions): Promise<{ address: string; server: ProcessRef }> {
  const port = await freePort((await readRecord(home))?.port);
  const server = await launch({
    executable,
    args: startArguments(home, port),
    port,
    logFile: join(home, 'temporal.log'),
    env,
    spawned: (started, owner) => writeRecord(home, { port, server: started, owner, startedAt: new Date().toISOString() }),
  });
  return { address: `127.0.0.1:${port}`, server };
}

function startArguments(home: string, port: number): string[] {
  const frontend = ['--headless', '--ip', '127.0.0.1', '--port', String(port), '--namespace', NAMESPACE];
  const database = [
    '--db-filename',
    join(home, 'temporal.db'),
    '--sqlite-pragma',
    'journal_mode=WAL',
    '--sqlite-pragma',
    'synchronous=NORMAL',
  ];
  // The default paces one workflow at about 20 steps a second.
  const paces = ['history.transferProcessorMaxPollRPS=2000', 'history.timerProcessorMaxPollRPS=2000'];
  return ['server', 'start-dev', ...frontend, ...database, ...paces.flatMap((pace) => ['--dynamic-config-value', pace])];
}
