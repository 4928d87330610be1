import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adoptedRunId } from '../../activities/gate/adoption.ts';
import type { RunId } from '../../core/index.ts';
import { findRun, listExecutions, migrate } from '../../ledger/index.ts';
import type { HoldRecord } from '../../ledger/index.ts';
import { charge, put } from '../e2e/calls.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import { describeLedgers } from '../ledgers.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

describeLedgers('a run keeps what it promises', (open) => {
  let world: Supervised;
  beforeAll(async () => {
    const db = await open();
    await migrate(db);
    world = await supervised({
      db,
      policies: PERMIT_ALL + HOLD_CHARGE,
      workflowsPath: join(import.meta.dirname, 'structure-workflows.ts'),
    });
  });
  afterAll(() => world?.stop());

  const done = (run: RunId): string[] =>
    world
      .effects(run)
      .filter(({ phase }) => phase === 'done')
      .map(({ input }) => String(input['text']));
  const first = async (run: RunId): Promise<HoldRecord> => {
    const [hold] = await world.held(run);
    if (hold === undefined) throw new Error(`${run} has no open hold.`);
    return hold;
  };
  const states = async (run: RunId): Promise<string[]> => (await world.holds(run)).map(({ state }) => state.kind);

  const goOn = (run: RunId): Promise<void> => world.client.workflow.getHandle(run).signal('goOn');

  describe('with a child that it has abandoned', () => {
    const abandon = async (text: string): Promise<{ run: RunId; child: string; hold: HoldRecord }> => {
      const run = await world.start('leavesAChild', { text });
      const child = await world.result<string>(run);
      return { run, child, hold: await first(run) };
    };

    it.concurrent('whose hold is decided after its parent has ended', async () => {
      const { run, child, hold } = await abandon('outlives');
      expect(hold.key).toBe('/1/1');
      expect(await world.run(run)).toMatchObject({ closed: null, state: 'held' });
      expect(done(run)).toEqual([]);
      await world.decide(hold.id);
      expect(await world.client.workflow.getHandle(child).result()).toBe('outlives');
      expect(done(run)).toEqual(['outlives']);
      expect(await world.closed(run)).toMatchObject({ closed: 'succeeded', openHolds: 0, claimed: 0 });
    });

    it.concurrent('which a kill reaches', async () => {
      const { run, child } = await abandon('killed');
      await world.kill(run);
      await expect(world.client.workflow.getHandle(child).result()).rejects.toThrow();
      expect(await world.closed(run)).toMatchObject({ closed: 'killed', openHolds: 0 });
      expect(done(run)).toEqual([]);
    });
  });

  it.concurrent('when the branch that is held loses a race', async () => {
    const run = await world.start('races', { text: 'slow' });
    await first(run);
    await goOn(run);
    expect(await world.result(run)).toBe('after slow won');
    expect(await world.closed(run)).toMatchObject({ closed: 'succeeded', openHolds: 0 });
    expect(done(run).toSorted()).toEqual(['after slow won', 'slow won']);
    expect(await states(run)).toEqual(['withdrawn']);
  });

  it.concurrent('when its own time-out comes before the decision', async () => {
    const run = await world.start('givesUp', { text: 'timed', after: 2_000 });
    expect(await world.result(run)).toBe('after timed');
    // On a slow machine the time may be over before the call has asked.
    for (const { id, state } of await world.holds(run)) {
      expect(state).toMatchObject({ kind: 'withdrawn' });
      await expect(world.decide(id)).rejects.toThrow();
    }
    expect(await world.closed(run)).toMatchObject({ closed: 'succeeded', openHolds: 0 });
    expect(done(run)).toEqual(['after timed']);
  });

  it.concurrent('when the decision comes before its own time-out', async () => {
    const run = await world.start('givesUp', { text: 'in time', after: 80_000 });
    await world.decide((await first(run)).id);
    expect(await world.result(run)).toBe('after in time');
    expect(done(run)).toEqual(['in time', 'after in time']);
  });

  it.concurrent('when a scope is cancelled around one that cannot be', async () => {
    const run = await world.start('nested', { text: 'scope' });
    await world.held(run, 2);
    await goOn(run);
    const kept = await world.until('only the kept one to be held', async () => {
      const all = await world.holds(run);
      const still = all.filter(({ state }) => state.kind === 'open');
      return all.length === 2 && still.length === 1 && still[0];
    });
    await world.decide(kept.id);
    expect(await world.result(run)).toBe('rejected fulfilled');
    expect(done(run)).toEqual(['scope kept']);
  });

  describe('started elsewhere', () => {
    const admit = async (run: RunId): Promise<void> => {
      await world.until(`${run} to be adopted`, async () => (await findRun(world.db, run)) !== null);
      await world.until(`${run} to be admitted`, async () => {
        const holds = await world.holds(run);
        const asked = holds.find(({ kind, state }) => kind === 'admission' && state.kind === 'open');
        if (asked !== undefined) await world.decide(asked.id, { person: 'person:ops', choice: 'admit' });
        return asked !== undefined || holds.some(({ kind }) => kind === 'approval') || (await world.calls(run)).length > 0;
      });
    };

    it('under a workflow id that was used before: another run, without the grants and results of the first', async () => {
      const workflowId = `again-${world.taskQueue}`;
      const input = { calls: [put('same'), charge('same')] };
      const runs: RunId[] = [];
      for (const choice of ['approve', 'deny'] as const) {
        const handle = await world.client.workflow.start('sequence', { taskQueue: world.taskQueue, workflowId, args: [input] });
        const run = adoptedRunId({ workflowId, firstRunId: handle.firstExecutionRunId });
        runs.push(run);
        await admit(run);
        const hold = await world.until('the approval', async () =>
          (await world.holds(run)).find(({ kind, state }) => kind === 'approval' && state.kind === 'open'),
        );
        await world.decide(hold.id, { choice, note: 'as said' });
        if (choice === 'approve') await world.decide(hold.id, { person: 'person:ben' });
        await handle.result();
      }
      const [one, two] = runs as [RunId, RunId];
      expect(one).not.toBe(two);
      expect([done(one), done(two)]).toEqual([['same', 'same'], ['same']]);
      expect([(await world.run(one)).used.steps, (await world.run(two)).used.steps]).toEqual([2, 1]);
    });

    it('by a schedule: each start is a run of its own', async () => {
      const scheduleId = `schedule-${world.taskQueue}`;
      const schedule = await world.client.schedule.create({
        scheduleId,
        spec: {},
        action: { type: 'startWorkflow', workflowType: 'sequence', taskQueue: world.taskQueue, args: [{ calls: [put('scheduled')] }] },
      });
      try {
        const runs: RunId[] = [];
        for (const nth of [1, 2]) {
          await schedule.trigger();
          const started = await world.until(`start ${nth}`, async () => {
            const { info } = await schedule.describe();
            return info.recentActions.length >= nth && info.recentActions.at(-1)?.action;
          });
          const { workflowId, firstExecutionRunId } = started.workflow;
          const run = adoptedRunId({ workflowId, firstRunId: firstExecutionRunId });
          runs.push(run);
          await admit(run);
          await world.client.workflow.getHandle(workflowId).result();
          expect((await listExecutions(world.db, run)).map(({ path }) => path)).toEqual(['']);
        }
        expect(new Set(runs).size).toBe(2);
        for (const run of runs) {
          expect(done(run)).toEqual(['scheduled']);
          expect(await world.run(run)).toMatchObject({ agent: 'sequence', requesters: [], used: { steps: 1 } });
        }
      } finally {
        await schedule.delete();
      }
    });
  });
});
