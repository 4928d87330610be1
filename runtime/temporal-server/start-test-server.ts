import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCarried } from './find-executable.ts';
import { freePort } from './free-port.ts';
import { launch, STOP_GRACE_MS } from './launch.ts';
import { endProcess } from './processes.ts';
import { TEST_SERVER } from './releases.ts';
import { unavailable } from './unavailable.ts';

export interface TestServer {
  /** `host:port` of the gRPC frontend, which has Temporal's test service as well. */
  readonly address: string;
  stop(): Promise<void>;
}

const INSTEAD = 'Or name a running server in "address": its clock stands still for clock.advance, which then moves the ledger\'s alone.';

/**
 * Starts Temporal's time-skipping test server, whose clock goes on as any clock until it is told to skip. It keeps
 * everything in memory. Throws `Refusal` `temporal_unavailable`.
 */
export async function startTestServer(env: Readonly<Record<string, string | undefined>> = process.env): Promise<TestServer> {
  const found = await findCarried(TEST_SERVER, { env, log: (line) => console.error(line) });
  if (!('path' in found)) throw unavailable("Temporal's test server could not be had.", [found], undefined, INSTEAD);
  const home = await mkdtemp(join(tmpdir(), 'holdpoint-testing-'));
  const port = await freePort(undefined);
  try {
    // Without `--enable-time-skipping`, which would skip whatever nobody waits for, whenever it likes.
    const args = [String(port)];
    const server = await launch({ executable: found.path, args, port, logFile: join(home, 'temporal.log'), env });
    // A process that ends without stopping leaves no server behind.
    const kill = (): void => endNow(server.pid);
    process.once('exit', kill);
    return {
      address: `127.0.0.1:${port}`,
      async stop() {
        process.off('exit', kill);
        await endProcess(server, STOP_GRACE_MS);
        await rm(home, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    const todo = 'Free some memory, or look at what it said.';
    throw unavailable(
      "Temporal's test server did not start.",
      [{ route: found.route, why: (error as Error).message, todo }],
      error,
      INSTEAD,
    );
  }
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
