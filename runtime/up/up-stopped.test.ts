import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { upped } from './up.fixture.ts';
import type { Upped } from './up.fixture.ts';

let made: Upped | undefined;
afterAll(() => made?.clean());

it('stops cleanly when it is told to in the midst of its start, whatever comes late', async () => {
  const up = (made = await upped({}));
  // The API answers that it is not ready: port and folder are taken, and Temporal and the ledger are on their way.
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${up.port}/`).then(
          ({ status }) => status,
          () => null,
        ),
      { timeout: 10_000, interval: 10 },
    )
    .toBe(503);
  up.stop();
  await up.ended;
  expect(up.temporal()).toBeNull();
  await expect(fetch(`http://127.0.0.1:${up.port}/`)).rejects.toThrow();
  expect(existsSync(join(up.home, 'up.lock'))).toBe(false);
  expect(up.lines.join('\n')).not.toMatch(/error/);
});
