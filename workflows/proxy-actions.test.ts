import { describe, expect, expectTypeOf, it } from 'vitest';
import type * as actions from '../test/workflows/actions.ts';
import { proxyActions } from './proxy-actions.ts';
import type { ProxiedActions } from './proxy-actions.ts';

type Proxied = ProxiedActions<typeof actions>;

describe('the type of proxied actions', () => {
  it('takes what the input schema takes, and gives what the output schema gives', () => {
    expectTypeOf<Proxied['git']['log']>().toEqualTypeOf<
      (input: { repo: string; depth?: number | undefined }) => Promise<{ commits: { hash: string }[] }>
    >();
    expectTypeOf<Proxied['git']['remote']['push']>().toEqualTypeOf<(input: { tag: string }) => Promise<{ at: number }>>();
  });

  it('leaves out exports that are no actions', () => {
    expectTypeOf<keyof Proxied>().toEqualTypeOf<'git'>();
  });
});

describe('proxyActions', () => {
  it('gives a tree that is no promise and no action itself', async () => {
    const proxied = proxyActions<typeof actions>();
    expect(await Promise.resolve(proxied.git)).toBeTypeOf('function');
    expect(() => (proxied as unknown as () => unknown)()).toThrow('call one of its members');
  });
});
