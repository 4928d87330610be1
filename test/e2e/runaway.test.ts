import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeLedgers, shiftClock } from '../ledgers.ts';
import { migrate } from '../../ledger/index.ts';
import type { Database, HoldRecord } from '../../ledger/index.ts';
import type { Micros, Raise, RunId } from '../../core/index.ts';
import { put } from './calls.ts';
import { events, nameOf } from './histories.ts';
import { PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

const FORBIDS = `@id("never") forbid (principal, action == Action::"tool.put", resource) when { context.input.text like "no*" };\n`;
const MINUTE = 60_000;

describeLedgers('an agent that runs away', (open) => {
  let world: Supervised;
  let db: Database;

  beforeAll(async () => {
    db = await open();
    await migrate(db);
    // Long enough for a workflow that does not spin to take its cancellation, however slow the machine is.
    world = await supervised({ db, policies: PERMIT_ALL + FORBIDS, grace: 3_000 });
  });
  afterAll(() => world?.stop());

  const done = (run: RunId): number => world.effects(run).filter(({ phase }) => phase === 'done').length;
  const refused = async (run: RunId): Promise<number> => (await world.calls(run)).filter(({ state }) => state.kind === 'refused').length;
  const operator = { person: 'person:ops' } as const;

  /** The breaker hold that stops the run, after the one given. */
  function stopped(run: RunId, after?: HoldRecord): Promise<HoldRecord> {
    return world.until(`the breaker of ${run}`, async () => {
      const holds = await world.holds(run);
      return holds.find(({ id, kind, state }) => kind === 'breaker' && state.kind === 'open' && id !== after?.id);
    });
  }

  async function raised(run: RunId, hold: HoldRecord, raise: Raise): Promise<HoldRecord> {
    await world.decide(hold.id, { ...operator, choice: 'raise', raise });
    return stopped(run, hold);
  }

  async function killedBy(run: RunId, hold: HoldRecord): Promise<void> {
    await world.decide(hold.id, { ...operator, choice: 'kill', note: 'enough' });
    expect(await world.closed(run)).toMatchObject({ closed: 'killed', openHolds: 0, fence: { by: 'person:ops', reason: 'enough' } });
  }

  describe('is stopped by the breaker at exactly its limit, goes on for as far as an operator raises it, and ends when one kills it', () => {
    it.concurrent('for identical calls', async () => {
      const run = await world.start('stubborn', { call: put('again') }, { limits: { identical: 4 } });
      const first = await stopped(run);
      expect(first).toMatchObject({ reason: expect.stringContaining('4 times with the same arguments') });
      expect(done(run)).toBe(4);
      const second = await raised(run, first, { identical: 3 });
      expect(done(run)).toBe(7);
      await killedBy(run, second);
      expect(done(run)).toBe(7);
    });

    it.concurrent('for refusals in a row', async () => {
      const run = await world.start('stubborn', { call: put('no') }, { limits: { failures: 3, identical: 1_000 } });
      const first = await stopped(run);
      expect(first).toMatchObject({ reason: expect.stringContaining('3 calls in a row failed or were refused') });
      expect(await refused(run)).toBe(3);
      const second = await raised(run, first, { failures: 2 });
      expect(await refused(run)).toBe(5);
      await killedBy(run, second);
      expect(world.effects(run)).toEqual([]);
    });

    it.concurrent('for refusals of one and the same call', async () => {
      const run = await world.start('stubborn', { call: put('no') }, { limits: { failures: 1_000, identical: 2 } });
      const first = await stopped(run);
      expect(await refused(run)).toBe(2);
      await killedBy(run, first);
    });

    it.concurrent('for steps', async () => {
      const run = await world.start('restless', { call: put('step') }, { limits: { steps: 5 } });
      const first = await stopped(run);
      expect(done(run)).toBe(5);
      const second = await raised(run, first, { steps: 2 });
      expect(done(run)).toBe(7);
      expect((await world.run(run)).used.steps).toBe(7);
      await killedBy(run, second);
    });

    it.concurrent('for money', async () => {
      const run = await world.start('restless', { call: put('spend', { worst: 10 }) }, { limits: { spend: 35 as Micros } });
      const first = await stopped(run);
      expect(done(run)).toBe(3);
      const second = await raised(run, first, { spend: 20 });
      expect(done(run)).toBe(5);
      expect((await world.run(run)).used).toMatchObject({ settled: 50, reserved: 0, overrun: 0 });
      await killedBy(run, second);
    });

    it.concurrent('for working time', async () => {
      const run = await world.start('paused', { calls: [put('early'), put('late'), put('later')] }, { limits: { time: 10 * MINUTE } });
      await world.until('the first effect', async () => done(run) === 1);
      await shiftClock(db, 11 * MINUTE);
      await world.client.workflow.getHandle(run).signal('goOn');
      const hold = await stopped(run);
      expect(hold).toMatchObject({ reason: expect.stringMatching(/has worked \d+ s of 600 s/) });
      expect(done(run)).toBe(1);
      // The time in which the hold is open does not count.
      await shiftClock(db, 20 * MINUTE);
      await world.decide(hold.id, { ...operator, choice: 'raise', raise: { time: 10 * MINUTE } });
      await world.result(run);
      expect(done(run)).toBe(3);
    });
  });

  describe('burns nothing once it is killed, and is terminated', () => {
    /** What happened to the workflow once it was told to stop: it took note, did nothing more, and was terminated. */
    async function quietAfterKill(run: RunId): Promise<void> {
      expect(await world.closed(run)).toMatchObject({ closed: 'killed', openHolds: 0 });
      const all = (await events(world.client, run)).map(nameOf);
      const rest = all.slice(all.indexOf('WORKFLOW_EXECUTION_CANCEL_REQUESTED'));
      expect(rest).toContain('WORKFLOW_TASK_COMPLETED');
      expect(rest.at(-1)).toBe('WORKFLOW_EXECUTION_TERMINATED');
      // A task that spins fails, or times out, or is broken off by the termination, which fails it too.
      expect(rest.filter((name) => name === 'WORKFLOW_TASK_FAILED' || name === 'WORKFLOW_TASK_TIMED_OUT')).toEqual([]);
      // All that may still be scheduled is to take a hold back.
      expect(rest.filter((name) => name === 'ACTIVITY_TASK_SCHEDULED').length).toBeLessThanOrEqual(1);
    }

    it.concurrent('while it loops', async () => {
      const limits = { identical: 100_000, failures: 100_000 };
      const run = await world.start('stubborn', { call: put('no') }, { limits });
      await world.until('some refusals', async () => (await refused(run)) > 3);
      await world.kill(run);
      const refusals = await refused(run);
      await quietAfterKill(run);
      expect(await refused(run)).toBe(refusals);
    });

    it.concurrent('while the waiting room refuses it, where no gate could count', async () => {
      const run = await world.start('astray', { call: put('elsewhere'), taskQueue: 'nobody-governs-this' });
      await world.kill(run);
      await quietAfterKill(run);
    });

    it.concurrent('while it is held, though it takes its cancellation for one more refusal', async () => {
      const run = await world.start('stubborn', { call: put('held') }, { limits: { identical: 1 } });
      await stopped(run);
      await world.kill(run);
      await quietAfterKill(run);
      expect(done(run)).toBe(1);
    });
  });
});
