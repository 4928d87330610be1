import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection, type ConnectionOptions } from '@temporalio/client';

const RETRY_MS = 25;
const ONE_CALL_MS = 2_000;

export interface ReadinessOptions {
  readonly connection: ConnectionOptions & { readonly address: string };
  readonly namespace: string;
  /** How long to go on asking, in milliseconds; 0 = ask once. */
  readonly within: number;
  /** Aborted when waiting has become pointless. */
  readonly signal?: AbortSignal;
}

/** Resolves once the server describes the namespace; throws its last answer otherwise. */
export async function awaitReady({ connection, namespace, within, signal }: ReadinessOptions): Promise<void> {
  const until = performance.now() + within;
  for (;;) {
    try {
      return await describe(connection, namespace);
    } catch (error) {
      if (performance.now() >= until || signal?.aborted === true) throw error;
    }
    await delay(RETRY_MS);
  }
}

async function describe(options: ReadinessOptions['connection'], namespace: string): Promise<void> {
  // gRPC backs off for a second after a refused connection; a bare socket tells at once whether anybody listens.
  await listens(options.address);
  const connection = await Connection.connect({ ...options, connectTimeout: ONE_CALL_MS });
  try {
    await connection.withDeadline(Date.now() + ONE_CALL_MS, () => connection.workflowService.describeNamespace({ namespace }));
  } finally {
    await connection.close();
  }
}

function listens(address: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 7233), timeout: ONE_CALL_MS });
    socket.once('connect', () => resolve(void socket.destroy()));
    socket.once('timeout', () => socket.destroy(new Error(`${address} did not answer within ${ONE_CALL_MS} ms`)));
    socket.once('error', reject);
  });
}
