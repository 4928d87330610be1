import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { bench, HOLD, sample } from '../../activities/gate/gate.fixture.ts';
import { decideHold, findHold, verifyAudit } from '../../ledger/index.ts';
import { openLedgerOnSmallDisk } from '../full-disk.ts';
import type { LedgerOnSmallDisk } from '../full-disk.ts';
import { shiftClock } from '../ledgers.ts';
import { says } from '../sample-run.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

const LEASE_OVER = 8_001;
const groups = { operators: ['person:grace'] };

describe('a disk that is full', () => {
  let disk: LedgerOnSmallDisk;
  let full = false;
  const fill = async (): Promise<void> => {
    full = true;
    await disk.fill();
  };
  const free = async (): Promise<void> => {
    full = false;
    await disk.free();
  };
  beforeAll(async () => {
    disk = await openLedgerOnSmallDisk();
    console.info(`The disk's limit is ${disk.how}.`);
  });
  afterEach(async () => {
    if (full) await free();
  });
  afterAll(() => disk?.close());

  it('lets nothing pass at the claim, counts nothing, says why, and is over when there is room', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(disk.db, { act: sample({ run }) });
    await fill();
    expect(await world.refused()).toMatchObject({
      type: 'HoldpointLater',
      retryable: false,
      message: expect.stringMatching(/the ledger refuses: .*53100.*No space left on device/) as string,
    });
    expect(world.logged).toHaveLength(1);
    expect(run).not.toHaveBeenCalled();
    await free();
    await expect(world.ask()).resolves.toBe('done');
    expect(await world.call()).toMatchObject({ attempts: 1 });
    expect((await verifyAudit(disk.db, world.who.run.id)).brokenAt).toBeNull();
  });

  it('after an effect makes of an outcome that found no room a question, never a second effect', async () => {
    const run = vi.fn(async () => {
      await fill();
      return 'done';
    });
    const world = await bench(disk.db, { act: sample({ run }) });
    expect(await world.refused()).toMatchObject({
      type: 'HoldpointLater',
      body: { reason: expect.stringMatching(/the outcome could not be recorded/) as string },
    });
    await free();
    await shiftClock(disk.db, LEASE_OVER);
    expect(await world.refused()).toMatchObject({ type: 'HoldpointHold', body: { kind: 'unknown-outcome' } });
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('takes no decision, and keeps none by half: the hold stays open until there is room', async () => {
    const world = await bench(disk.db, { act: sample() });
    world.ruling = HOLD;
    await world.refused();
    const [hold] = await world.holds();
    const approves = () => decideHold(disk.db, hold?.id ?? '', says({ groups }));
    await fill();
    await expect(approves()).rejects.toMatchObject({ code: 'ledger_failed' });
    expect(await findHold(disk.db, hold?.id ?? '')).toMatchObject({ state: { kind: 'open' }, votes: [] });
    await free();
    expect(await approves()).toMatchObject({ kind: 'accepted' });
    await expect(world.ask()).resolves.toBe('done');
  });
});
