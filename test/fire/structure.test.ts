import { ScheduleOverlapPolicy } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { adoptedRunId } from '../../activities/gate/adoption.ts';
import type { HoldRecord } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { findRun, listRuns } from '../../ledger/index.ts';
import type { RunId } from '../../core/index.ts';
import { charge, put } from '../e2e/calls.ts';
import { resetToStart } from '../e2e/histories.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import type { Told } from '../e2e/workflows.ts';
import { openFreshLedger } from '../temporal-lab.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });

describe('whatever shape the workflow has', () => {
  let db: Database;
  let world: Supervised;
  beforeAll(async () => {
    db = await openFreshLedger();
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE });
  });
  afterAll(async () => {
    await world.stop();
    await db.close();
  });

  const done = (run: RunId): string[] =>
    world
      .effects(run)
      .filter(({ phase }) => phase === 'done')
      .map(({ input }) => String(input['text']))
      .toSorted();
  const held = async (run: RunId, key: string): Promise<HoldRecord> =>
    await world.until(`${key} to be held`, async () =>
      (await world.holds(run)).find((hold) => hold.key === key && hold.state.kind === 'open'),
    );

  it.concurrent('a child that its parent left behind belongs to the run, which ends with it', async () => {
    const run = await world.start('abandoning', { calls: [charge('left'), put('after')] });
    const child = await world.result<string>(run);
    const hold = await held(run, '/1/1');
    expect((await world.run(run)).closed).toBeNull();
    await world.decide(hold.id);
    await world.client.workflow.getHandle(child).result();
    expect(await world.closed(run)).toMatchObject({ closed: 'succeeded', used: { steps: 2 } });
    expect(done(run)).toEqual(['after', 'left']);
  });

  it.concurrent('a child that was left behind is killed with its run', async () => {
    const run = await world.start('abandoning', { calls: [charge('never')] });
    const child = await world.result<string>(run);
    await held(run, '/1/1');
    await world.kill(run);
    expect(await world.closed(run)).toMatchObject({ closed: 'killed', openHolds: 0 });
    expect((await world.client.workflow.getHandle(child).describe()).status.name).not.toBe('RUNNING');
    expect(done(run)).toEqual([]);
  });

  it.concurrent("a child that its parent's reset starts again repeats nothing", async () => {
    const run = await world.start('family', { children: [[put('first'), charge('second')]] });
    await world.decide((await held(run, '/1/2')).id);
    await world.result(run);
    await resetToStart(world.client, run);
    expect(await world.result<{ told: Told[] }[]>(run)).toMatchObject([{ told: [{ kind: 'returned' }, { kind: 'returned' }] }]);
    expect(done(run)).toEqual(['first', 'second']);
    expect((await world.holds(run)).length).toBe(1);
  });

  it.concurrent('a held call that lost a race has its hold taken back when the workflow ends', async () => {
    const run = await world.start('racing', { calls: [charge('loser'), put('winner')] });
    expect(await world.result<Told>(run)).toMatchObject({ kind: 'returned', value: { text: 'winner' } });
    const { closed, openHolds } = await world.closed(run);
    expect([closed, openHolds]).toEqual(['succeeded', 0]);
    expect(done(run)).toEqual(['winner']);
  });

  it.concurrent('a held call within a scope that cannot be cancelled goes on waiting when the scope around it is', async () => {
    const run = await world.start('nested', { call: charge('shielded'), shielded: true });
    const hold = await held(run, '/1');
    await world.client.workflow.getHandle(run).signal('cancelStep');
    expect((await held(run, '/1')).id).toBe(hold.id);
    await world.decide(hold.id);
    expect(await world.result<Told>(run)).toMatchObject({ kind: 'returned' });
    expect(done(run)).toEqual(['shielded']);
  });

  it.concurrent('a held call within nested scopes is taken back when the outermost is cancelled', async () => {
    const run = await world.start('nested', { call: charge('given-up'), shielded: false });
    const hold = await held(run, '/1');
    await world.client.workflow.getHandle(run).signal('cancelStep');
    expect(await world.result<Told>(run)).toEqual({ kind: 'cancelled' });
    expect((await world.holds(run)).find(({ id }) => id === hold.id)?.state.kind).toBe('withdrawn');
    expect(done(run)).toEqual([]);
  });

  describe('started elsewhere', () => {
    const admit = async (run: RunId): Promise<void> => {
      await world.until(`the first call of ${run}`, async () => (await findRun(db, run)) !== null && (await world.calls(run)).length > 0);
      const asked = (await world.holds(run)).find(({ kind, state }) => kind === 'admission' && state.kind === 'open');
      if (asked !== undefined) await world.decide(asked.id, { person: 'person:ops', choice: 'admit' });
    };

    it('a workflow id that is used again is another run, which asks for its own approvals', async () => {
      const workflowId = `again-${Math.random().toString(36).slice(2)}`;
      const runs: RunId[] = [];
      for (const text of ['one', 'two']) {
        const args = [{ calls: [charge(text)] }];
        const handle = await world.client.workflow.start('together', { taskQueue: world.taskQueue, workflowId, args });
        const run = adoptedRunId({ workflowId, firstRunId: handle.firstExecutionRunId });
        await admit(run);
        const hold = await held(run, '/1');
        for (const person of ['person:ada', 'person:ben']) await world.decide(hold.id, { person });
        await handle.result();
        runs.push(run);
      }
      expect(new Set(runs).size).toBe(2);
      expect(runs.map(done)).toEqual([['one'], ['two']]);
    });

    it('every start of a schedule is a run of its own', async () => {
      const scheduleId = `every-${Math.random().toString(36).slice(2)}`;
      const schedule = await world.client.schedule.create({
        scheduleId,
        spec: {},
        action: {
          type: 'startWorkflow',
          workflowType: 'tree',
          taskQueue: world.taskQueue,
          args: [{ calls: [put(scheduleId)], children: [] }],
        },
        policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL },
      });
      try {
        for (const nth of [1, 2]) {
          await schedule.trigger();
          const runs = await world.until(`run ${nth}`, async () => {
            const { items } = await listRuns(db, { workflow: 'tree' }, { limit: 10 });
            // Names of a schedule's workflows differ by the second: one that was started within the same is the same.
            if (items.length < nth) await schedule.trigger();
            return items.length >= nth && items;
          });
          for (const { id } of runs) {
            await admit(id);
            expect(await world.closed(id)).toMatchObject({ closed: 'succeeded', used: { steps: 1 } });
          }
        }
      } finally {
        await schedule.delete();
      }
    });
  });
});
