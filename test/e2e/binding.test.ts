import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeLedgers, shiftClock } from '../ledgers.ts';
import { migrate } from '../../ledger/index.ts';
import type { Database, HoldRecord } from '../../ledger/index.ts';
import { DEFAULT_LIMITS, WAKE_SIGNAL } from '../../core/index.ts';
import type { RunHeader, RunId } from '../../core/index.ts';
import { charge, deploy, put } from './calls.ts';
import { eventNames, events, resetBefore, resetToStart, startPast } from './histories.ts';
import { PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';
import type { Told } from './workflows.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

const HOLDS = `
@id("charge-asks") @hold("Money moves") @approvers("approvers") @edits("text")
forbid (principal, action == Action::"tool.charge", resource);
@id("deploy-asks") @hold("The world changes") @approvers("approvers")
forbid (principal, action == Action::"tool.deploy", resource);
@id("not-that") @reason("Nobody charges that")
forbid (principal, action == Action::"tool.charge", resource) when { context.input.text == "forbidden" };
`;
const STRICTER = `
@id("operators-too") @hold("Operators want to know") @approvers("operators")
forbid (principal, action == Action::"tool.charge", resource) when { context.input.text like "demands*" };
`;
const DAY = 86_400_000;

describeLedgers('an approval', (open) => {
  let world: Supervised;
  let db: Database;

  beforeAll(async () => {
    db = await open();
    await migrate(db);
    world = await supervised({ db, policies: PERMIT_ALL + HOLDS });
  });
  afterAll(() => world?.stop());

  const sequence = (...calls: readonly object[]): Promise<RunId> => world.start('sequence', { calls });
  const told = async (run: RunId): Promise<readonly Told[]> => (await world.result<{ told: Told[] }>(run)).told;
  const done = (run: RunId) => world.effects(run).filter(({ phase }) => phase === 'done');
  const only = async (run: RunId): Promise<HoldRecord> => {
    const [hold, ...others] = await world.held(run);
    if (hold === undefined || others.length > 0) throw new Error(`${run} has ${others.length + 1} open holds.`);
    return hold;
  };
  const another = (run: RunId, than: HoldRecord): Promise<HoldRecord> =>
    world.until(`another hold of ${run}`, async () =>
      (await world.holds(run)).find(({ id, state }) => state.kind === 'open' && id !== than.id),
    );
  const became = async (run: RunId, hold: HoldRecord) => (await world.holds(run)).find(({ id }) => id === hold.id)?.state;
  const signal = (run: RunId, name: string, argument?: unknown) => world.client.workflow.getHandle(run).signal(name, argument);
  /** How often the gate has answered the workflow with a hold. */
  const refusals = async (run: RunId): Promise<number> =>
    (await events(world.client, run)).filter(
      (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type === 'HoldpointHold',
    ).length;

  describe('lets no other call pass', () => {
    it('than one whose facts are still what was approved', async () => {
      writeFileSync(join(world.folder, 'world.txt'), 'one');
      const run = await sequence(deploy('facts'));
      const first = await only(run);
      expect(first.shown.fields).toContainEqual({ name: 'facts.world', value: 'one' });
      writeFileSync(join(world.folder, 'world.txt'), 'two');
      await world.decide(first.id);
      const second = await another(run, first);
      expect(await became(run, first)).toMatchObject({ kind: 'withdrawn', why: 'the arguments or facts changed' });
      expect(second.shown.fields).toContainEqual({ name: 'facts.world', value: 'two' });
      expect(done(run)).toEqual([]);
      await world.decide(second.id);
      expect(await told(run)).toMatchObject([{ kind: 'returned' }]);
      expect(done(run).map(({ input }) => input)).toEqual([{ text: 'facts', world: 'two' }]);
    });

    it.concurrent('than that of its run', async () => {
      const [mine, theirs] = await Promise.all([sequence(charge('alike')), sequence(charge('alike'))]);
      await world.decide((await only(mine)).id);
      expect(await told(mine)).toMatchObject([{ kind: 'returned' }]);
      await signal(theirs, WAKE_SIGNAL, { key: '/1' });
      await world.until('it to have asked again', async () => (await refusals(theirs)) >= 2);
      expect(done(theirs)).toEqual([]);
      await world.decide((await only(theirs)).id, { choice: 'deny', note: 'once is enough' });
      expect(await told(theirs)).toMatchObject([{ kind: 'denied' }]);
    });

    it.concurrent('than the first that used it, though the workflow is reset to before it', async () => {
      const run = await world.start('paused', { calls: [charge('twice'), charge('twice')] });
      const hold = await only(run);
      await world.decide(hold.id);
      await world.until('the effect', async () => (await world.calls(run))[0]?.state.kind === 'succeeded');
      await resetBefore(world.client, run, 1);
      await signal(run, 'goOn');
      const second = await another(run, hold);
      expect(second.key).toBe('/2');
      await world.decide(second.id, { choice: 'deny', note: 'no' });
      expect(await world.result<Told[]>(run)).toMatchObject([{ kind: 'returned' }, { kind: 'denied' }]);
      expect(done(run).map(({ idempotencyKey }) => idempotencyKey)).toEqual([`${run}/1`]);
    });

    it.concurrent('that nobody decided on, whatever signals come', async () => {
      const run = await sequence(charge('woken'));
      const hold = await only(run);
      for (const forged of [{ key: '/2' }, { key: 'not a key' }, { hold: hold.id, choice: 'approve' }, 'yes'])
        await signal(run, WAKE_SIGNAL, forged);
      for (const [nth, real] of [{ key: '/1' }, { key: null }].entries()) {
        await signal(run, WAKE_SIGNAL, real);
        // Each makes it ask once more, and nothing else does.
        await world.until('it to ask again', async () => (await refusals(run)) === nth + 2);
      }
      expect(await became(run, hold)).toEqual({ kind: 'open' });
      expect(world.effects(run)).toEqual([]);
      await world.kill(run);
    });
  });

  describe('serves no execution that is not its run', () => {
    async function forged(run: RunId, changes: Partial<RunHeader>): Promise<void> {
      const header: RunHeader = { v: 1, run, path: '', next: 1, queues: [world.taskQueue], ungoverned: [], mode: 'enforce', ...changes };
      const handle = await startPast(world.client, 'sequence', {
        taskQueue: world.taskQueue,
        input: { calls: [charge('forged'), put('forged')] },
        header,
      });
      const answer = (await handle.result()) as { told: Told[] };
      expect(answer.told.map((one) => one.kind === 'denied' && one.code)).toEqual(['execution_mismatch', 'execution_mismatch']);
    }

    it.concurrent('but says that it is: by the run, a path of it, or a step of it', async () => {
      const run = await sequence(charge('forged'));
      const hold = await only(run);
      await world.decide((await only(await sequence(charge('other')))).id);
      await forged(run, {});
      await forged(run, { path: '/1' });
      await forged(run, { path: '/7/1', next: 3 });
      expect(world.effects().filter(({ input }) => input['text'] === 'forged')).toEqual([]);
      expect((await world.calls(run)).map(({ key }) => key)).toEqual(['/1']);
      expect((await world.run(run)).used.steps).toBe(0);
      await world.decide(hold.id, { choice: 'deny', note: 'done' });
      await world.result(run);
    });

    it.concurrent('or of a run that nobody started', async () => {
      const header: RunHeader = { v: 1, run: 'run-nobody', path: '', next: 1, queues: [], ungoverned: [], mode: 'enforce' };
      const handle = await startPast(world.client, 'sequence', { taskQueue: world.taskQueue, input: { calls: [put('nobody')] }, header });
      expect(await handle.result()).toMatchObject({ told: [{ kind: 'denied', code: 'run_unknown' }] });
    });
  });

  describe('with changed arguments', () => {
    it.concurrent('lets the changed call pass, and tells the agent who changed what', async () => {
      const run = await sequence(charge('draft', { worst: 3 }));
      await world.decide((await only(run)).id, { edit: { text: 'final' } });
      expect(await world.result(run)).toEqual({
        told: [{ kind: 'returned', value: { text: 'final' } }],
        edits: [{ key: '/1', by: 'person:ada', changes: { text: 'final' } }],
      });
      expect(done(run).map(({ input }) => input)).toEqual([{ text: 'final', worst: 3, end: 'ok' }]);
    });

    it.concurrent('is told of again after a reset, and not used again', async () => {
      const run = await world.start('paused', { calls: [charge('draft two'), put('after')] });
      await world.decide((await only(run)).id, { edit: { text: 'final two' } });
      await world.until('the effect', async () => (await world.calls(run))[0]?.state.kind === 'succeeded');
      await resetBefore(world.client, run, 1);
      await signal(run, 'goOn');
      expect((await world.result<Told[]>(run))[0]).toEqual({ kind: 'returned', value: { text: 'final two' } });
      expect(done(run).map(({ input }) => input['text'])).toEqual(['final two', 'after']);
    });

    it.concurrent('is refused for any other field, and for what the action would not take', async () => {
      const run = await sequence(charge('kept'));
      const hold = await only(run);
      for (const edit of [{ worst: 1 }, { text: 'x', end: 'throw' }, { user: 'ida' }]) {
        await expect(world.decide(hold.id, { edit })).rejects.toMatchObject({ code: 'edit_not_allowed' });
      }
      for (const edit of [{ text: 7 }, { text: 'kept' }, {}])
        await expect(world.decide(hold.id, { edit })).rejects.toMatchObject({ code: 'edit_invalid' });
      await world.decide(hold.id, { choice: 'deny', note: 'enough' });
      expect(await told(run)).toMatchObject([{ kind: 'denied' }]);
    });

    it.concurrent('is judged again: nobody approves what the policies forbid', async () => {
      const run = await sequence(charge('harmless'));
      await world.decide((await only(run)).id, { edit: { text: 'forbidden' } });
      expect(await told(run)).toMatchObject([{ kind: 'denied', code: 'policy_forbids' }]);
      expect(world.effects(run)).toEqual([]);
    });
  });

  describe('that was given while the worker was down', () => {
    const runs: Record<'args' | 'demands' | 'useBy' | 'good', { run: RunId; hold: HoldRecord }> = {} as never;

    beforeAll(async () => {
      const limits = { time: DEFAULT_LIMITS.time * 24 * 10 };
      const choosing = await world.start('choosing', { call: charge('') }, { limits });
      await world.until('its first task', async () => (await eventNames(world.client, choosing)).includes('WORKFLOW_TASK_COMPLETED'));
      await signal(choosing, 'choose', 'first');
      const starting = {
        args: choosing,
        demands: await world.start('sequence', { calls: [charge('demands')] }, { limits }),
        useBy: await world.start('sequence', { calls: [charge('use by')] }, { limits }),
        good: await world.start('sequence', { calls: [charge('good')] }, { limits }),
      };
      for (const [name, run] of Object.entries(starting)) runs[name as keyof typeof runs] = { run, hold: await only(run) };
      await world.stopWorker();
      await world.decide(runs.useBy.hold.id);
      await shiftClock(db, 2 * 3_600_000);
      for (const { hold } of [runs.args, runs.demands, runs.good]) await world.decide(hold.id);
      await resetToStart(world.client, choosing);
      await signal(choosing, 'choose', 'second');
      world.setPolicies(PERMIT_ALL + HOLDS + STRICTER);
      await world.startWorker();
    });

    it('lets its call pass when the worker is back', async () => {
      expect(await told(runs.good.run)).toMatchObject([{ kind: 'returned' }]);
    });

    it('lapses where the arguments have changed', async () => {
      const { run, hold } = runs.args;
      const asked = await another(run, hold);
      expect(asked.shown.fields).toContainEqual({ name: 'text', value: 'second' });
      expect(await became(run, hold)).toMatchObject({ kind: 'withdrawn' });
      expect(world.effects(run)).toEqual([]);
      await world.decide(asked.id);
      expect(await world.result(run)).toEqual({ kind: 'returned', value: { text: 'second' } });
      expect(done(run).map(({ input }) => input['text'])).toEqual(['second']);
    });

    it('lapses where the policies ask for more', async () => {
      const { run, hold } = runs.demands;
      const asked = await another(run, hold);
      expect(asked.requires.map(({ policy }) => policy).toSorted()).toEqual(['charge-asks', 'operators-too']);
      expect(await became(run, hold)).toMatchObject({ kind: 'withdrawn', why: 'its policies ask something else now' });
      expect(world.effects(run)).toEqual([]);
      await world.decide(asked.id);
      await world.decide(asked.id, { person: 'person:ops' });
      expect(await told(run)).toMatchObject([{ kind: 'returned' }]);
    });

    it('lapses when it was not used in time', async () => {
      const { run, hold } = runs.useBy;
      const asked = await another(run, hold);
      expect(await became(run, hold)).toMatchObject({ kind: 'withdrawn', why: 'the approval was not used in time' });
      expect(world.effects(run)).toEqual([]);
      await world.decide(asked.id);
      expect(await told(run)).toMatchObject([{ kind: 'returned' }]);
    });
  });

  it('that comes too late is none: the call was refused when its time was over', async () => {
    const run = await sequence(charge('late'));
    const hold = await only(run);
    await shiftClock(db, DAY);
    await expect(world.decide(hold.id)).rejects.toMatchObject({ code: expect.stringMatching(/^hold_(expired|closed)$/) });
    expect(await told(run)).toMatchObject([{ kind: 'denied', code: 'approval_expired' }]);
    expect(await became(run, hold)).toMatchObject({ kind: 'expired' });
    expect(world.effects(run)).toEqual([]);
  });
});
