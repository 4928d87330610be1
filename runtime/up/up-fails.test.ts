import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ensureTemporalServer } from '../temporal-server/index.ts';
import { freePort, upped } from './up.fixture.ts';
import type { Upped } from './up.fixture.ts';

let made: Upped | undefined;
afterAll(() => made?.clean());

it('stops what it has started when one part cannot be had, and ends no server of somebody else', async () => {
  // The server of all these tests is another's.
  const theirs = process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '';
  made = await upped({ DATABASE_URL: `postgres://u:hidden@127.0.0.1:${await freePort()}/none` });
  const error: unknown = await made.ended.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code: 'ledger_away' });
  expect(String(error)).not.toContain('hidden');
  expect(existsSync(join(made.home, 'temporal/temporal.db'))).toBe(true);
  expect(made.temporal()).toBeNull();
  await expect(fetch(`http://127.0.0.1:${made.port}/`)).rejects.toThrow();
  expect(existsSync(join(made.home, 'up.lock'))).toBe(false);
  expect(existsSync(join(made.home, 'server.json'))).toBe(false);
  await expect(
    ensureTemporalServer({ home: join(made.home, 'other'), env: { TEMPORAL_ADDRESS: theirs }, log: () => undefined }),
  ).resolves.toMatchObject({ owned: false });
});
