import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Database } from '../../ledger/index.ts';
import { bench, openLedger, sample } from './gate.fixture.ts';

let ledger: Database;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const SECRET = 'correct horse battery staple';

describe('secrets', () => {
  const using = (run: (value: string, log: (fields: object) => void) => unknown, secrets: Record<string, string> = { TOKEN: SECRET }) =>
    bench(
      ledger,
      {
        act: sample({
          input: z.object({ token: z.string(), other: z.string().optional() }),
          secrets: ['token'],
          idempotent: true,
          run: async ({ token }: { token: string }, { secret, log }) =>
            run(secret(token), (fields) => log.info(`used ${secret(token)}`, fields as Record<string, unknown>)),
        }),
      },
      { secrets },
    );
  const input = { token: 'secret:TOKEN' };

  it('stay out of results, errors and logs, in each encoding', async () => {
    const basic = Buffer.from(`ada:${SECRET}`).toString('base64');
    const world = await using((value, log) => {
      log({ header: `Basic ${basic}`, nested: [{ value }], cause: new Error(`no ${value}`) });
      return {
        body: JSON.stringify({ value }),
        url: `https://x/?q=${encodeURIComponent(value)}`,
        basic,
        bytes: Buffer.from(value).toString('hex'),
      };
    });
    const result = JSON.stringify(await world.ask({ input }));
    const told = `${result}${JSON.stringify(world.logged, (_, item: unknown) => (item instanceof Error ? `${item.message}${item.stack}` : item))}`;
    for (const spelling of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('hex'), basic.slice(8)])
      expect(told).not.toContain(spelling);
    expect(told).toContain('[secret TOKEN]');
    const broken = await using((value) => Promise.reject(new Error(`${'x'.repeat(1_990)}${value}`)));
    const refused = await broken.refused({ input });
    expect(refused.message).not.toContain(SECRET.slice(0, 5));
    expect(JSON.stringify([await broken.audit(), await broken.call()])).not.toContain(SECRET.slice(0, 5));
  });

  it('that are not there, or too short to be kept out of anything, are said before anything begins', async () => {
    for (const [secrets, said] of [
      [{}, /has no secret named TOKEN/],
      [{ TOKEN: '1234567' }, /shorter than 8/],
      [{ TOKEN: '' }, /has no secret/],
    ] as const) {
      const world = await using(() => 'done', secrets);
      const refused = await world.refused({ input });
      expect(refused.message).toMatch(said);
      expect(refused.message).not.toContain('1234567');
      expect(await world.call()).toMatchObject({ state: { kind: 'not-started' } });
    }
  });

  it('that stand in the arguments are refused, and recorded nowhere', async () => {
    const world = await using(() => 'done');
    const refused = await world.refused({ input: { token: SECRET } });
    expect(refused).toMatchObject({ type: 'ActionDenied', body: { code: 'secret_literal' } });
    await world.refused({ args: [{ token: SECRET }, { token: SECRET }], ordinal: 2 });
    expect(JSON.stringify([refused, await world.audit(), await world.call(), await world.holds()])).not.toContain(SECRET);
  });
});
