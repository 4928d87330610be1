import { describe, expect, it } from 'vitest';
import { NothingHappened } from '../define-action.ts';
import { actionContext, resolveContext } from '../files/action-context.fixture.ts';
import { httpActions } from './http-actions.ts';

describe('the input', () => {
  const takes = (input: object) => httpActions().get.input.safeParse(input).success;

  it.each([
    'ftp://x/',
    'file:///etc/passwd',
    'x',
    '//x/',
    'http:x',
    'http:\\\\x',
    'http://a:b@x/',
    'http://a@x/',
    'http://x/#f',
    'http://x/a b',
    'http://x/\r\nHost: y',
    'http://x/\u200b',
    'http://',
    'http://x:99999/',
    'http://exa\u202emple/',
    `http://x/${'a'.repeat(5_000)}`,
  ])('has no URL %j', (url) => {
    expect(takes({ url })).toBe(false);
  });

  it('does not repeat a password in its error', () => {
    const { error } = httpActions().get.input.safeParse({ url: 'http://ada:hunter2@x/' });
    expect(JSON.stringify(error)).toContain('has a user name or a password');
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it.each([
    ['host', 'x'],
    ['Host', 'x'],
    ['connection', 'close'],
    ['transfer-encoding', 'chunked'],
    ['content-length', '1'],
    ['proxy-authorization', 'secret:X'],
    ['upgrade', 'h2c'],
    ['idempotency-key', 'x'],
    ['Accept', 'x'],
    ['a b', 'x'],
    ['', 'x'],
    ['x', 'a\r\nb: c'],
    ['x', 'a\nb'],
    ['x', 'é'],
    ['x', 'a\0'],
    ['authorization', 'Bearer x'],
    ['Authorization', 'secret:X'],
    ['cookie', 'a=b'],
    ['x-api-key', 'k'],
    ['authorization', 'secret:'],
    ['te', 'trailers'],
  ])('has no header %j: %j', (name, value) => {
    expect(takes({ url: 'http://x/', headers: { [name]: value } })).toBe(false);
  });

  it('declares its secret headers, and repeats no value that should have been a secret', () => {
    const { get: action } = httpActions();
    expect(action.secrets).toEqual(['headers.authorization', 'headers.cookie', 'headers.x-api-key']);
    expect(takes({ url: 'https://x/', headers: { authorization: 'secret:TOKEN', accept: '*/*' } })).toBe(true);
    const { error } = action.input.safeParse({ url: 'https://x/', headers: { authorization: 'Bearer hunter2' } });
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it('is judged by one spelling of the URL, and runs on no other', async () => {
    const { get: action } = httpActions({ allow: ['127.0.0.1'] });
    const { facts } = await action.resolve!({ url: 'HTTP://0x7f.1:80/a/../b' }, resolveContext);
    expect(facts).toEqual({ url: 'http://127.0.0.1/b' });
    await expect(action.run({ url: 'http://127.0.0.1/c' }, actionContext(facts))).rejects.toThrow(NothingHappened);
  });
});

describe('the options of http', () => {
  it('are checked when the actions are made', () => {
    expect(() => httpActions({ connectTimeout: 0 })).toThrow(/"connectTimeout"/);
    expect(() => httpActions({ maxBytes: Number.NaN })).toThrow(/"maxBytes".*NaN/);
    expect(() => httpActions({ maxRedirects: -1 })).toThrow(/"maxRedirects"/);
    expect(() => httpActions({ allow: ['*'] })).toThrow(/"allow"/);
  });
});
