import { createServer as createSecure } from 'node:https';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTcp } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { NothingHappened } from '../define-action.ts';
import { actionContext, resolveContext } from '../files/action-context.fixture.ts';
import { makeCertificate } from './certificate.fixture.ts';
import { httpActions } from './http-actions.ts';
import type { HttpOptions } from './options.ts';

const LOCAL: HttpOptions = { allow: ['127.0.0.1'] };
const open: Server[] = [];

afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) (server as ReturnType<typeof createServer>).closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

async function listen<S extends Server>(server: S): Promise<number> {
  open.push(server);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
}
const serve = async (handle: RequestListener) => `http://127.0.0.1:${await listen(createServer(handle))}`;

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

type Rest = Parameters<typeof actionContext>[1];
async function get(url: string, options: HttpOptions = LOCAL, headers?: Record<string, string>, rest?: Rest) {
  const { get: action } = httpActions(options);
  const input = { url, ...(headers === undefined ? {} : { headers }) };
  const { facts } = await action.resolve!(input, resolveContext);
  return action.run(input, actionContext(facts, rest));
}
async function post(url: string, body: string, options: HttpOptions = LOCAL, headers?: Record<string, string>, rest?: Rest) {
  const { post: action } = httpActions(options);
  const input = { url, body, ...(headers === undefined ? {} : { headers }) };
  const { facts } = await action.resolve!(input, resolveContext);
  return action.run(input, actionContext(facts, rest));
}
const messageOf = (error: unknown) => (error as Error).message;

describe('http.get', () => {
  it('gives status, headers and text, and sends what it was given', async () => {
    let seen: IncomingMessage['headers'] = {};
    const base = await serve((request, response) => {
      seen = request.headers;
      response.writeHead(200, { 'content-type': 'text/plain', 'set-cookie': 'a=b', 'x-two': ['1', '2'] }).end('größe');
    });
    const { headers, ...rest } = await get(`${base}/a?b=c`, LOCAL, { accept: 'text/plain' });
    expect(rest).toEqual({ status: 200, url: `${base}/a?b=c`, body: 'größe', encoding: 'utf8', truncated: false });
    expect(headers).toMatchObject({ 'content-type': 'text/plain', 'x-two': '1, 2' });
    expect(headers).not.toHaveProperty('set-cookie');
    expect(seen).toMatchObject({ accept: 'text/plain', 'accept-encoding': 'identity', connection: 'close' });
    expect(seen).not.toHaveProperty('idempotency-key');
  });

  it('gives a status of 400 and more as a result', async () => {
    const base = await serve((_request, response) => response.writeHead(503).end('later'));
    expect(await get(base)).toMatchObject({ status: 503, body: 'later' });
  });

  it('cuts a large body without reading on, and gives bytes that are no text in base64', async () => {
    let gone: Promise<unknown> | undefined;
    const base = await serve((request, response: ServerResponse) => {
      if (request.url === '/bytes') return response.end(Buffer.from([0xff, 0xfe]));
      gone = new Promise((closed) => response.once('close', closed));
      const write = (): void => {
        while (response.write('é'.repeat(10_000)));
        response.once('drain', write);
      };
      return write();
    });
    expect(await get(`${base}/endless`, { ...LOCAL, maxBytes: 1_001 })).toMatchObject({ body: 'é'.repeat(500), truncated: true });
    await gone;
    expect(await get(`${base}/bytes`)).toMatchObject({ body: '//4=', encoding: 'base64' });
  });

  it('follows redirects within the origin, boundedly, and returns others', async () => {
    const other = await serve((_request, response) => response.end('other'));
    const base = await serve((request, response) => {
      const to: Record<string, string> = {
        '/1': '/2',
        '/2': '2/../3',
        '/away': `${other}/x`,
        '/loop': '/loop',
        '/ftp': 'ftp://x/',
        '/user': '//a:b@127.0.0.1/',
      };
      const location = to[request.url ?? ''];
      if (location === undefined) response.end('end');
      else response.writeHead(302, { location }).end();
    });
    expect(await get(`${base}/1`)).toMatchObject({ status: 200, body: 'end', url: `${base}/3` });
    expect(await get(`${base}/away`)).toMatchObject({ status: 302, url: `${base}/away`, headers: { location: `${other}/x` } });
    expect(await get(`${base}/loop`)).toMatchObject({ status: 302, url: `${base}/loop` });
    expect(await get(`${base}/1`, { ...LOCAL, maxRedirects: 1 })).toMatchObject({ status: 302, url: `${base}/2` });
    expect(await get(`${base}/ftp`)).toMatchObject({ status: 302 });
    expect(await get(`${base}/user`)).toMatchObject({ status: 302 });
  });

  it('replaces a secret reference by its value, and shows it to nobody else', async () => {
    let seen: string | undefined;
    const base = await serve((request, response) => {
      seen = request.headers.authorization;
      response.end();
    });
    const secrets = { TOKEN: 'Bearer hunter2', BAD: 'a\r\nx: y' };
    await get(base, LOCAL, { authorization: 'secret:TOKEN' }, { secrets });
    expect(seen).toBe('Bearer hunter2');
    const bad = await get(base, LOCAL, { authorization: 'secret:BAD' }, { secrets }).catch(messageOf);
    expect(bad).toBe('The secret for the header "authorization" cannot stand in a header.');
    await expect(get(base, LOCAL, { cookie: 'secret:NONE' }, { secrets })).rejects.toThrow(NothingHappened);
    await expect(get('http://example.com/', {}, { 'x-api-key': 'secret:TOKEN' }, { secrets })).rejects.toThrow(/unencrypted/);
  });
});

describe('http.post', () => {
  it('sends the body as JSON unless told otherwise, with the idempotency key of the call', async () => {
    const seen: unknown[] = [];
    const base = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        seen.push([
          request.method,
          request.headers['content-type'],
          request.headers['content-length'],
          request.headers['idempotency-key'],
          body,
        ]);
        response.writeHead(201).end('made');
      });
    });
    expect(await post(base, '{"é":1}', LOCAL, undefined, { idempotencyKey: 'run-a/3' })).toMatchObject({ status: 201, body: 'made' });
    await post(base, 'a=b', LOCAL, { 'content-type': 'application/x-www-form-urlencoded' });
    expect(seen).toEqual([
      ['POST', 'application/json', '8', 'run-a/3', '{"é":1}'],
      ['POST', 'application/x-www-form-urlencoded', '3', 'run-test/1', 'a=b'],
    ]);
  });

  it('returns every redirect, also within the origin', async () => {
    let requests = 0;
    const base = await serve((_request, response) => {
      requests += 1;
      response.writeHead(307, { location: '/again' }).end();
    });
    expect(await post(base, 'x')).toMatchObject({ status: 307, headers: { location: '/again' } });
    expect(requests).toBe(1);
  });

  it('says that nothing happened only where no byte was sent', async () => {
    const closed = await listen(createTcp());
    await new Promise((done) => open.pop()?.close(done));
    const refused = await post(`http://127.0.0.1:${closed}/`, 'x').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(NothingHappened);
    expect(messageOf(refused)).toBe(`http://127.0.0.1:${closed}: connection refused`);
    const base = await serve((request) => request.socket.destroy());
    const dropped = await post(base, 'x').catch((error: unknown) => error);
    expect(dropped).toBeInstanceOf(Error);
    expect(dropped).not.toBeInstanceOf(NothingHappened);
    expect(messageOf(dropped)).toBe(`POST ${base}: the connection was closed`);
  });

  it('is not idempotent unless it is declared so', () => {
    expect(httpActions().post.annotations).toEqual({ readOnly: false, destructive: true, idempotent: false, openWorld: true });
    expect(httpActions({ idempotentPosts: true }).post.annotations.idempotent).toBe(true);
  });
});

describe('time', () => {
  it('is short for a connection, and nothing has happened then', async () => {
    // Accepts, and never says a word of TLS.
    const port = await listen(createTcp((socket) => socket.on('error', () => undefined).resume()));
    const error = await post(`https://127.0.0.1:${port}/`, 'x', { ...LOCAL, connectTimeout: 100 }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NothingHappened);
    expect(messageOf(error)).toBe(`https://127.0.0.1:${port}: no connection within 100 ms`);
  });

  it('is bounded for the whole, however slowly the answer drips', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), 10);
      response.once('close', () => clearInterval(drip));
    });
    const error = await post(base, 'x', { ...LOCAL, totalTimeout: 150 }).catch((caught: unknown) => caught);
    expect(error).not.toBeInstanceOf(NothingHappened);
    expect(messageOf(error)).toBe(`POST ${base}: no answer in the time allowed`);
  });

  it('ends with the call', async () => {
    const stop = new AbortController();
    const base = await serve(() => stop.abort());
    await expect(get(base, LOCAL, undefined, { signal: stop.signal })).rejects.toThrow(/cancelled/);
  });
});

describe('addresses', () => {
  it.each([
    'http://127.0.0.1:1/',
    'http://localhost:1/',
    'http://LOCALHOST:1/',
    'http://0.0.0.0:1/',
    'http://0:1/',
    'http://2130706433:1/',
    'http://0x7f.1:1/',
    'http://0177.0.0.1:1/',
    'http://127.1:1/',
    'http://[::1]:1/',
    'http://[::]:1/',
    'http://[::ffff:127.0.0.1]:1/',
    'http://[::ffff:7f00:1]:1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[fd00:ec2::254]/',
    'http://[fe80::1]/',
    'http://10.0.0.1/',
    'http://１２７.0.0.1:1/',
    'http://127.0.0.1.:1/',
  ])('that are not public are refused before a byte is sent: %s', async (url) => {
    const error = await get(url, {}).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NothingHappened);
    expect(messageOf(error)).toMatch(/is not on the public internet, and "allow" does not list it$/);
  });

  it('are checked for what the name resolves to, by address and port', async () => {
    const base = await serve((_request, response) => response.end('ok'));
    const { port } = new URL(base);
    const url = `http://localhost:${port}/`;
    // The name may resolve to ::1 too, so that both are listed.
    expect(await get(url, { allow: [`127.0.0.1:${port}`, `[::1]:${port}`] })).toMatchObject({ body: 'ok' });
    expect(await get(url, { allow: [`localhost:${port}`] })).toMatchObject({ body: 'ok' });
    await expect(get(url, { allow: ['127.0.0.1:1', '[::1]:1', 'localhost:1', 'other'] })).rejects.toThrow(NothingHappened);
  });

  it('of this machine are refused although they are public', async () => {
    await expect(get('http://8.8.8.8/', { ownAddresses: () => ['8.8.8.8'] })).rejects.toThrow(/8\.8\.8\.8 is not on the public internet/);
  });

  it('are reached directly, whatever proxy the environment names', async () => {
    const base = await serve((_request, response) => response.end('direct'));
    const names = ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
    for (const name of names) process.env[name] = 'http://127.0.0.1:1';
    try {
      expect(await get(base)).toMatchObject({ body: 'direct' });
    } finally {
      for (const name of names) delete process.env[name];
    }
  });
});

describe('https', () => {
  it('trusts the certificates it is told to, and no others, whatever the environment says', async () => {
    const { cert, key } = makeCertificate();
    const port = await listen(createSecure({ cert, key }, (_request, response) => response.end('secure')));
    const url = `https://127.0.0.1:${port}/`;
    expect(await get(url, { ...LOCAL, ca: cert })).toMatchObject({ body: 'secure' });
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      await expect(get(url)).rejects.toThrow(NothingHappened);
      await expect(get(url, { ...LOCAL, ca: makeCertificate().cert })).rejects.toThrow(/127\.0\.0\.1:\d+: /);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });
});
