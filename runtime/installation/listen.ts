import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Refusal } from '../../core/index.ts';

export interface Listening {
  readonly url: string;
  /** Replaces the answer "not ready yet" by the application. */
  serve(app: RequestListener): void;
  close(): Promise<void>;
}

/** Takes the port before anything else is opened. Throws `Refusal` `port_taken` or `address_unusable`. */
export async function listen(host: string, port: number): Promise<Listening> {
  let app: RequestListener = notReady;
  const server = createServer((request, response) => app(request, response));
  await bind(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    serve(ready) {
      app = ready;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const notReady: RequestListener = (_request, response) => {
  const body = {
    type: 'about:blank',
    title: 'Not ready',
    status: 503,
    code: 'not_ready',
    detail: 'Holdpoint is starting.',
    hint: 'Try again in a few seconds.',
  };
  response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '2' }).end(JSON.stringify(body));
};

async function bind(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') {
        return reject(
          new Refusal('invalid', 'address_unusable', `Nothing can listen at ${host}, port ${port}: ${error.message}.`, {
            hint: 'server.bind in the configuration names an address of this machine, such as 127.0.0.1 or 0.0.0.0.',
            cause: error,
          }),
        );
      }
      reject(
        new Refusal('refused', 'port_taken', `Port ${port} on ${host} ${error.code === 'EACCES' ? 'may not be used' : 'is taken'}.`, {
          hint: 'Stop what uses it (perhaps another Holdpoint), or set HOLDPOINT_PORT to a free port.',
          cause: error,
        }),
      );
    });
    server.listen(port, host, () => resolve());
  });
}
