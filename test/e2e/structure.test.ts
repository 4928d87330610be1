import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeLedgers } from '../ledgers.ts';
import { migrate, verifyAudit } from '../../ledger/index.ts';
import type { Database, HoldRecord } from '../../ledger/index.ts';
import type { RunId } from '../../core/index.ts';
import { charge, put } from './calls.ts';
import { eventNames, resetBefore, resetToStart } from './histories.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';
import type { Told, TreeTold } from './workflows.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

describeLedgers('one ledger serves a whole run', (open) => {
  let world: Supervised;
  let db: Database;

  beforeAll(async () => {
    db = await open();
    await migrate(db);
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE });
  });
  afterAll(() => world?.stop());

  const signal = (run: RunId, name: string) => world.client.workflow.getHandle(run).signal(name);
  const keysOf = (run: RunId, phase: 'begun' | 'done') =>
    world
      .effects(run)
      .filter((effect) => effect.phase === phase)
      .map(({ idempotencyKey }) => idempotencyKey.slice(run.length))
      .toSorted();
  const heldAt = (holds: readonly HoldRecord[], key: string): string => holds.find((hold) => hold.key === key)?.id ?? '';

  /** What must be so of every run once it is over. */
  async function overAs(run: RunId, closed: 'succeeded' | 'failed'): Promise<void> {
    expect(await world.closed(run)).toMatchObject({ closed, openHolds: 0, claimed: 0 });
    expect((await world.holds(run)).filter(({ state }) => state.kind === 'open')).toEqual([]);
    expect((await world.calls(run)).filter(({ waitingFor }) => waitingFor !== null)).toEqual([]);
    const begun = keysOf(run, 'begun');
    expect(begun).toEqual([...new Set(begun)]);
    expect(await verifyAudit(db, run)).toMatchObject({ brokenAt: null });
  }

  it.concurrent('in parallel branches, decided in any order', async () => {
    const run = await world.start('together', { calls: [charge('a'), put('b'), charge('c'), put('d'), charge('e')] });
    const holds = await world.held(run, 3);
    for (const key of ['/5', '/1']) await world.decide(heldAt(holds, key));
    await world.decide(heldAt(holds, '/3'), { choice: 'deny', note: 'not c' });
    expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned', 'returned', 'denied', 'returned', 'returned']);
    expect(keysOf(run, 'done')).toEqual(['/1', '/2', '/4', '/5']);
    expect((await world.run(run)).used.steps).toBe(4);
    await overAs(run, 'succeeded');
  });

  it.concurrent('in children and grandchildren', async () => {
    const leaf = { calls: [charge('leaf')], children: [] };
    const run = await world.start('tree', { calls: [put('root')], children: [{ calls: [put('child')], children: [leaf] }, leaf] });
    const holds = await world.held(run, 2);
    expect(holds.map(({ key }) => key).toSorted()).toEqual(['/1/1/1', '/2/1']);
    for (const { id } of holds) await world.decide(id);
    const told = await world.result<TreeTold>(run);
    expect(told.children[0]?.children[0]?.told).toEqual([{ kind: 'returned', value: { text: 'leaf' } }]);
    expect(keysOf(run, 'done')).toEqual(['/1/1/1', '/1/2', '/2/1', '/3']);
    expect((await world.run(run)).used.steps).toBe(4);
    await overAs(run, 'succeeded');
  });

  it.concurrent('in a child whose hold is denied', async () => {
    const run = await world.start('family', { children: [[charge('no'), put('yes')], [put('other')]] });
    const [hold] = await world.held(run);
    await world.decide(hold?.id ?? '', { choice: 'deny', note: 'no' });
    const [first, second] = await world.result<{ told: Told[] }[]>(run);
    expect([first?.told.map(({ kind }) => kind), second?.told.map(({ kind }) => kind)]).toEqual([['denied', 'returned'], ['returned']]);
    await overAs(run, 'succeeded');
  });

  describe('over continue-as-new', () => {
    it.concurrent('with a hold in every execution', async () => {
      const run = await world.start('continued', { calls: [charge('one'), charge('two'), charge('three')] });
      for (const key of ['/1', '/2', '/3']) {
        const hold = await world.until(`the hold of ${key}`, async () =>
          (await world.holds(run)).find((one) => one.key === key && one.state.kind === 'open'),
        );
        await world.decide(hold.id);
      }
      // By the root's first execution, which `result` follows to the last.
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned', 'returned', 'returned']);
      expect(keysOf(run, 'done')).toEqual(['/1', '/2', '/3']);
      await overAs(run, 'succeeded');
    });

    it.concurrent('with a hold still open, which it takes back', async () => {
      const run = await world.start('leaving', { left: charge('left'), how: 'continues', next: [put('next'), charge('later')] });
      const [left] = await world.held(run);
      await signal(run, 'goOn');
      const later = await world.until('the next hold', async () =>
        (await world.holds(run)).find(({ id, state }) => state.kind === 'open' && id !== left?.id),
      );
      expect(later.key).toBe('/3');
      expect((await world.holds(run)).find(({ id }) => id === left?.id)?.state).toMatchObject({ kind: 'withdrawn' });
      await expect(world.decide(left?.id ?? '')).rejects.toMatchObject({ code: 'hold_closed' });
      await world.decide(later.id);
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned', 'returned']);
      expect(keysOf(run, 'done')).toEqual(['/2', '/3']);
      await overAs(run, 'succeeded');
    });
  });

  describe('over a reset', () => {
    it.concurrent('to before finished steps: they are not repeated', async () => {
      const run = await world.start('paused', { calls: [put('first'), put('second'), charge('third')] });
      await world.until('the first effect', async () => keysOf(run, 'done').length === 1);
      await signal(run, 'goOn');
      const [hold] = await world.held(run);
      await resetBefore(world.client, run, 1);
      await world.decide(hold?.id ?? '');
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned', 'returned', 'returned']);
      expect(keysOf(run, 'done')).toEqual(['/1', '/2', '/3']);
      expect(await world.holds(run)).toHaveLength(1);
      await overAs(run, 'succeeded');
    });

    it.concurrent('to before a held step: it meets the same hold', async () => {
      const run = await world.start('sequence', { calls: [put('first'), charge('second')] });
      const [hold] = await world.held(run);
      await resetBefore(world.client, run, 2);
      // The reset execution has asked: it is on record as one of the run's.
      await world.until(
        'the reset execution to ask',
        async () => (await db.query('SELECT run_id FROM executions WHERE run = $1', [run])).length === 2,
      );
      await world.decide(hold?.id ?? '');
      expect(await world.result(run)).toMatchObject({ told: [{ kind: 'returned' }, { kind: 'returned' }] });
      expect(await world.holds(run)).toHaveLength(1);
      expect(keysOf(run, 'done')).toEqual(['/1', '/2']);
      await overAs(run, 'succeeded');
    });
  });

  it.concurrent("over a parent's reset, which starts its children again: they repeat nothing", async () => {
    const run = await world.start('family', { children: [[put('first'), charge('second')]] });
    const [hold] = await world.held(run);
    await world.decide(hold?.id ?? '');
    await world.result(run);
    await resetToStart(world.client, run);
    expect(await world.result<{ told: Told[] }[]>(run)).toMatchObject([{ told: [{ kind: 'returned' }, { kind: 'returned' }] }]);
    expect(keysOf(run, 'done')).toEqual(['/1/1', '/1/2']);
    expect(await world.holds(run)).toHaveLength(1);
    await overAs(run, 'succeeded');
  });

  it.concurrent('over a reset of a run that was over, which opens it again', async () => {
    const run = await world.start('choosing', { call: charge('') });
    const choose = (text: string) => world.client.workflow.getHandle(run).signal('choose', text);
    const begun = async () => (await eventNames(world.client, run)).includes('WORKFLOW_TASK_COMPLETED');
    await world.until('its first task', begun);
    await choose('first');
    const [first] = await world.held(run);
    await world.decide(first?.id ?? '', { choice: 'deny', note: 'not that' });
    await overAs(run, 'succeeded');
    await resetToStart(world.client, run);
    await choose('second');
    const [second] = await world.held(run);
    await world.decide(second?.id ?? '');
    expect(await world.result(run)).toEqual({ kind: 'returned', value: { text: 'second' } });
    await overAs(run, 'succeeded');
  });

  describe('when a step is cancelled', () => {
    it.concurrent('while it waits: its hold is taken back, and the run goes on', async () => {
      const run = await world.start('cancellable', { first: charge('cancelled'), next: put('after') });
      const [hold] = await world.held(run);
      await signal(run, 'cancelStep');
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['cancelled', 'returned']);
      await expect(world.decide(hold?.id ?? '')).rejects.toThrow();
      expect((await world.holds(run)).map(({ state }) => state.kind)).toEqual(['withdrawn']);
      expect(keysOf(run, 'begun')).toEqual(['/2']);
      await overAs(run, 'succeeded');
    });

    for (const end of ['wait', 'ignore']) {
      it.concurrent(`while its granted effect runs, which ${end === 'wait' ? 'stops' : 'does not listen'}: nobody repeats it`, async () => {
        const run = await world.start('cancellable', { first: charge(`${end} cancelled`, { end }), next: put('after') });
        const [hold] = await world.held(run);
        await world.decide(hold?.id ?? '');
        await world.until('the effect', async () => keysOf(run, 'begun').length === 1);
        await signal(run, 'cancelStep');
        expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['cancelled', 'returned']);
        expect((await world.calls(run)).map(({ key, state }) => [key, state.kind])).toEqual([
          ['/1', 'unknown'],
          ['/2', 'succeeded'],
        ]);
        expect(keysOf(run, 'begun')).toEqual(['/1', '/2']);
        await overAs(run, 'succeeded');
        // An effect that does not listen ends some time; its word comes too late to change anything.
        writeFileSync(join(world.folder, `go-${end} cancelled`), '');
      });
    }
  });

  describe('when the workflow ends while a hold is open', () => {
    it.concurrent('by returning', async () => {
      const run = await world.start('leaving', { left: charge('left'), how: 'returns', next: [put('next')] });
      await world.held(run);
      await signal(run, 'goOn');
      expect((await world.result<Told[]>(run)).map(({ kind }) => kind)).toEqual(['returned']);
      expect((await world.holds(run)).map(({ state }) => state.kind)).toEqual(['withdrawn']);
      await overAs(run, 'succeeded');
    });

    it.concurrent('by failing', async () => {
      const run = await world.start('leaving', { left: charge('left'), how: 'throws', next: [] });
      await world.held(run);
      await signal(run, 'goOn');
      await expect(world.result(run)).rejects.toBeInstanceOf(WorkflowFailedError);
      await overAs(run, 'failed');
    });

    it.concurrent('by being cancelled', async () => {
      const run = await world.start('sequence', { calls: [charge('left')] });
      await world.held(run);
      await world.client.workflow.getHandle(run).cancel();
      expect(await world.result(run)).toMatchObject({ told: [{ kind: 'cancelled' }] });
      await overAs(run, 'succeeded');
    });

    it.concurrent('by being terminated, with its child', async () => {
      const run = await world.start('family', { children: [[charge('left')]] });
      const [hold] = await world.held(run);
      await world.client.workflow.getHandle(run).terminate('somebody at Temporal');
      await overAs(run, 'failed');
      await expect(world.decide(hold?.id ?? '')).rejects.toMatchObject({ code: 'run_closed' });
      expect(world.effects(run)).toEqual([]);
    });
  });
});
