import { createServer, connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Stands between a client and Postgres: counts round trips and breaks connections on demand. */
export interface PostgresProxy {
  /** The given URL by way of this proxy. */
  readonly url: string;
  /** Round trips since the last call: how often the client spoke after the server had. */
  trips(): number;
  /** Swallows the server's answers from the moment on at which the client sends this text, and cuts the line. */
  cutAfterSending(text: string): void;
  /** Whether that text was not sent yet. */
  isCutting(): boolean;
  /** Cuts every connection now. */
  cut(): void;
  /** From now on nothing passes, and nothing is cut, until `restore` or a cut: the database is frozen, or the network lost. */
  silence(): void;
  /** Cuts every connection, and each new one until `restore`: the database is away. */
  sever(): void;
  restore(): void;
  close(): Promise<void>;
}

export async function startPostgresProxy(target: string): Promise<PostgresProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let count = 0;
  let cutText: string | null = null;
  let severed = false;
  let silent = false;
  const cut = () => {
    silent = false;
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  const server = createServer((client) => {
    if (severed) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    if (silent) client.pause();
    let serverSpoke = true;
    let deaf = false;
    client.on('data', (chunk) => {
      if (serverSpoke) count += 1;
      serverSpoke = false;
      if (cutText !== null && chunk.includes(cutText)) {
        deaf = true;
        cutText = null;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      serverSpoke = true;
      if (deaf) client.destroy();
      else client.write(chunk);
    });
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    trips() {
      const trips = count;
      count = 0;
      return trips;
    },
    cutAfterSending(text) {
      cutText = text;
    },
    isCutting: () => cutText !== null,
    cut,
    silence() {
      silent = true;
      for (const socket of sockets) socket.pause();
    },
    sever() {
      severed = true;
      cut();
    },
    restore() {
      severed = silent = false;
      for (const socket of sockets) socket.resume();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
