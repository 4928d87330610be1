import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A server that has just ended holds its port for over a second. */
const RELEASE_MS = 3_000;
const RETRY_MS = 50;

/** The wanted port of the loopback interface once it is free, or else any free one. */
export async function freePort(wanted: number | undefined): Promise<number> {
  const until = performance.now() + RELEASE_MS;
  while (wanted !== undefined && performance.now() < until) {
    const port = await tryPort(wanted);
    if (port !== undefined) return port;
    await delay(RETRY_MS);
  }
  const any = await tryPort(0);
  if (any === undefined) throw new Error('the loopback interface has no free port');
  return any;
}

function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
