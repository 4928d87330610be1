import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LedgerError } from '../ledger/index.ts';
import { MAX_BODY_BYTES } from './read-body.ts';
import { LEDGER_MILLIS, TOKENS, ask, startTestServer } from './test-server.fixture.ts';
import type { TestServer } from './test-server.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, LEDGER_MILLIS);
afterAll(() => server.close());

describe('the edge', () => {
  it('answers every refusal as a problem document with a stable code', async () => {
    const answer = await ask(server, '/nowhere', { token: TOKENS.ada });
    expect(answer.type).toContain('application/problem+json');
    expect(answer.body).toEqual({
      type: 'urn:holdpoint:problem:route_unknown',
      title: 'Not found',
      status: 404,
      code: 'route_unknown',
      detail: 'There is no GET /api/v1/nowhere.',
      hint: 'See /api/v1/openapi.json.',
      data: {},
    });
  });

  it('asks for a token, and refuses one that it does not know', async () => {
    expect(await ask(server, '/runs')).toMatchObject({ status: 401, body: { code: 'token_missing' } });
    expect((await ask(server, '/runs')).headers.get('www-authenticate')).toBe('Bearer');
    expect(await ask(server, '/runs', { token: 'other' })).toMatchObject({ status: 401, body: { code: 'token_unknown' } });
    expect(await ask(server, '/runs', { headers: { Authorization: 'Basic abc' } })).toMatchObject({
      status: 401,
      body: { code: 'token_missing' },
    });
  });

  it('is reached under loopback names and configured ones alone', async () => {
    const under = (host: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const { port } = new URL(server.url);
        request({ host: '127.0.0.1', port, path: '/api/v1/health', headers: { Host: host } }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on('error', reject)
          .end();
      });
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:7400', 'holdpoint.internal', 'HOLDPOINT.internal:443', 'localhost.'])
      expect(await under(host), host).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1'])
      expect(await under(host), host).toBe(421);
  });

  it('names the methods of a path', async () => {
    const answer = await ask(server, '/runs', { token: TOKENS.ada, method: 'DELETE' });
    expect(answer).toMatchObject({ status: 405, body: { code: 'method_not_allowed' } });
    expect(answer.headers.get('allow')).toBe('GET, POST');
  });

  it.each([
    ['{"workflow":"a","workflow":"b"}', 'json_duplicate_key'],
    ['{"workflow":"a","__proto__":{}}', 'json_forbidden_key'],
    ['{"workflow":"a","input":12345678901234567890}', 'json_number_unsafe'],
    ['{"workflow":"a","limits":{"steps":NaN}}', 'json_invalid'],
    ['{"workflow":"a","input":"\\ud800"}', 'json_surrogate'],
    ['{"workflow":', 'json_invalid'],
    ['', 'request_invalid'],
    ['[]', 'request_invalid'],
  ])('refuses the body %j with %s', async (text, code) => {
    const before = server.started.length;
    expect(await ask(server, '/runs', { token: TOKENS.ada, text })).toMatchObject({ status: 400, body: { code } });
    expect(server.started).toHaveLength(before);
  });

  it('refuses a body above 2 MB before anything reads it', async () => {
    const answer = await ask(server, '/runs', {
      token: TOKENS.ada,
      body: { workflow: 'release', agent: 'a', input: 'x'.repeat(MAX_BODY_BYTES) },
    });
    expect(answer).toMatchObject({ status: 413, body: { code: 'payload_too_large' } });
    expect(server.errors).toEqual([]);
  });

  it('reads JSON in UTF-8 and nothing else', async () => {
    const other = (headers: Record<string, string>) => ask(server, '/runs', { token: TOKENS.ada, text: '{}', headers });
    expect(await other({ 'Content-Type': 'text/plain' })).toMatchObject({ status: 415, body: { code: 'media_type_unsupported' } });
    expect(await other({ 'Content-Type': 'application/x-www-form-urlencoded' })).toMatchObject({ status: 415 });
    expect(await other({ 'Content-Encoding': 'gzip' })).toMatchObject({ status: 415, body: { code: 'media_type_unsupported' } });
    const bytes = await fetch(`${server.url}/api/v1/runs`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${TOKENS.ada}`, 'Content-Type': 'application/json; charset=utf-8' },
      body: new Uint8Array([0x22, 0xff, 0x22]),
    });
    expect(await bytes.json()).toMatchObject({ status: 400, code: 'json_invalid' });
  });

  it('names the field, the rule and the value, and repeats no long text', async () => {
    const answer = await ask(server, '/runs', {
      token: TOKENS.ada,
      body: { workflow: 'x'.repeat(200), limits: { steps: 0, spend: -1, time: '5', failures: 1.5 }, extra: 1 },
    });
    expect(answer.body.detail).toContain('"limits.steps" must be a whole number of at least 1; got 0.');
    expect(answer.body.detail).toContain('"limits.spend" must be a whole number of at least 1; got -1.');
    expect(answer.body.detail).toContain('"limits.time" must be a whole number of at least 1; got "5".');
    expect(answer.body.detail).toContain('"limits.failures" must be a whole number of at least 1; got 1.5.');
    expect(answer.body.detail).toContain('The body has no field "extra".');
    expect(answer.body.detail).not.toContain('xxxx');
  });

  it('refuses unknown query fields and values', async () => {
    expect(await ask(server, '/runs?colour=red', { token: TOKENS.ada })).toMatchObject({
      status: 400,
      body: { detail: 'The query has no field "colour".' },
    });
    expect(await ask(server, '/runs?limit=0', { token: TOKENS.ada })).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
    expect(await ask(server, '/runs?state=asleep', { token: TOKENS.ada })).toMatchObject({ status: 400 });
    expect(await ask(server, '/runs?cursor=zzz', { token: TOKENS.ada })).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } });
  });
});

describe('what fails inside', () => {
  it('says that the ledger is away, and when to try again', async () => {
    const away = await server.also({ decide: () => Promise.reject(new LedgerError('ledger_away', 'connect ECONNREFUSED 10.0.0.9:5432')) });
    const answer = await ask(away, '/holds/h/decide', { token: TOKENS.ada, body: { choice: 'approve', version: 1 } });
    expect(answer).toMatchObject({ status: 503, body: { code: 'ledger_away' } });
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(JSON.stringify(answer.body)).not.toContain('10.0.0.9');
    await away.close();
  });

  it('tells the log what nobody foresaw, and the caller nothing of it', async () => {
    const before = server.errors.length;
    const odd = await server.also({ decide: () => Promise.reject(new Error('secret inside')) });
    const answer = await ask(odd, '/holds/h/decide', { token: TOKENS.ada, body: { choice: 'approve', version: 1 } });
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal_error' } });
    expect(JSON.stringify(answer.body)).not.toContain('secret inside');
    expect(server.errors).toHaveLength(before + 1);
    await odd.close();
  });

  it('reports its own health without a token', async () => {
    expect((await ask(server, '/health')).body).toEqual({ status: 'ok', version: '1.2.3', ledger: 'ok', temporal: 'ok' });
    const away = await server.also({ checkTemporal: () => Promise.reject(new Error('away')) });
    expect((await ask(away, '/health')).body).toMatchObject({ status: 'away', ledger: 'ok', temporal: 'away' });
    await away.close();
  });
});
