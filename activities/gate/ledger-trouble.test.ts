import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Database } from '../../ledger/index.ts';
import { bench, once, openLedger, sample } from './gate.fixture.ts';
import type { Bench } from './gate.fixture.ts';

let ledger: Database;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const kinds = async (world: Bench): Promise<readonly string[]> =>
  (await world.audit()).map((text) => (JSON.parse(text) as { kind: string }).kind);

describe('a ledger that fails', () => {
  it.each([
    ['ledger_away', 'HoldpointLater', /away/],
    ['ledger_busy', 'HoldpointLater', /away/],
    ['ledger_failed', 'HoldpointLater', /refuses: a test: ledger_failed/],
    ['ledger_newer', 'HoldpointLater', /refuses/],
    ['invariant_broken', 'ActionDenied', /refused what the gate decided/],
  ] as const)('with %s at the claim lets nothing pass', async (code, type, message) => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    world.db.fail = () => once(code)();
    expect(await world.refused()).toMatchObject({ type, message: expect.stringMatching(message) as string, retryable: false });
    expect(run).not.toHaveBeenCalled();
    expect(world.logged).toHaveLength(code === 'ledger_away' || code === 'ledger_busy' ? 0 : 1);
  });

  it('and loses the reply to a claim gives the one claim that it recorded, with a lease as long as any', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    const statements: string[] = [];
    world.db.fail = (sql) => {
      statements.push(sql);
      return null;
    };
    world.db.loseReply = once('ledger_away');
    await expect(world.ask()).resolves.toBe('done');
    expect((await kinds(world)).filter((kind) => kind === 'call.claimed')).toHaveLength(1);
    expect(statements.filter((sql) => /UPDATE calls SET lease_until/.test(sql))).toHaveLength(1);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('right before the effect, when the claim must be renewed, stops it and settles', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    let reads = 0;
    const resolve = async () => {
      if (++reads === 2) await delay(520);
      return { facts: { at: 1 } };
    };
    const world = await bench(ledger, { act: sample({ run, facts: z.any(), resolve }) });
    world.db.fail = once('ledger_away', /UPDATE calls SET lease_until/);
    await expect(world.ask()).resolves.toBe('done');
    expect((await kinds(world)).filter((kind) => kind.startsWith('call.'))).toEqual([
      'call.claimed',
      'call.not-started',
      'call.claimed',
      'call.succeeded',
    ]);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('is told the outcome again and again while it is away', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    let away = 3;
    world.db.fail = (sql) => (/UPDATE calls SET state/.test(sql) && away-- > 0 ? once('ledger_away')() : null);
    await expect(world.ask()).resolves.toBe('done');
    expect(world.heartbeats()).toBe(3);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('is told a large result again while it is away', async () => {
    const world = await bench(ledger, { act: sample({ run: () => Promise.resolve('x'.repeat(100_000)) }) });
    world.db.fail = once('ledger_busy', /INSERT INTO blobs/);
    await expect(world.ask()).resolves.toHaveLength(100_000);
    await expect(world.ask()).resolves.toHaveLength(100_000);
  });

  it('and keeps no large result makes of a success a question, never a second run', async () => {
    const run = vi.fn(() => Promise.resolve('x'.repeat(100_000)));
    const world = await bench(ledger, { act: sample({ run }) });
    world.db.fail = once('ledger_failed', /INSERT INTO blobs/);
    expect(await world.refused()).toMatchObject({ type: 'HoldpointHold', body: { kind: 'unknown-outcome' } });
    expect((await world.holds())[0]?.reason).toMatch(/ran to its end, and its result could not be kept/);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('and refuses the outcome makes the workflow ask later, when the attempt is found unaccounted for', async () => {
    const world = await bench(ledger, { act: sample() });
    world.db.fail = once('ledger_failed', /UPDATE calls SET state/);
    expect(await world.refused()).toMatchObject({
      type: 'HoldpointLater',
      body: { reason: expect.stringMatching(/could not be recorded/) as string },
    });
    expect(world.logged.map(({ message }) => message)).toEqual(['the outcome of an effect could not be recorded']);
    expect(await world.refused()).toMatchObject({
      type: 'HoldpointLater',
      body: { reason: expect.stringMatching(/may still be running/) as string },
    });
  });

  it('and is away when a recorded result is read makes it wait', async () => {
    const world = await bench(ledger, { act: sample({ run: () => Promise.resolve('x'.repeat(100_000)) }) });
    await world.ask();
    world.db.fail = once('ledger_away', /FROM blobs/);
    expect(await world.refused()).toMatchObject({ type: 'HoldpointLater' });
  });

  it('so slowly that a second passed since the claim lets nothing begin, and the step is returned', async () => {
    const run = vi.fn(() => Promise.resolve('done'));
    const world = await bench(ledger, { act: sample({ run }) });
    let slow = 1;
    world.db.loseReply = () => {
      // As a process that was frozen for as long.
      if (slow-- > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_050);
      return null;
    };
    await expect(world.ask()).resolves.toBe('done');
    expect((await kinds(world)).filter((kind) => kind.startsWith('call.'))).toEqual([
      'call.claimed',
      'call.not-started',
      'call.claimed',
      'call.succeeded',
    ]);
    expect(run).toHaveBeenCalledTimes(1);
  });
});
