import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeLedgers } from '../ledgers.ts';
import { listAudit, migrate } from '../../ledger/index.ts';
import type { Database, HoldRecord } from '../../ledger/index.ts';
import type { HoldKind, Micros, RunId } from '../../core/index.ts';
import { charge, put } from './calls.ts';
import { eventNames } from './histories.ts';
import { PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';
import type { Told } from './workflows.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 180_000 });

const HOLDS = `
@id("asks") @hold("A person looks first") @approvers("approvers")
forbid (principal, action == Action::"tool.put", resource) when { context.input.text like "ask*" };
`;

describeLedgers('an attempt', (open) => {
  let world: Supervised;
  let db: Database;
  /** Holds back, this once, the ledger's answer to the worker's next claim for so many milliseconds. */
  let slowClaim = 0;

  beforeAll(async () => {
    db = await open();
    await migrate(db);
    const workerLedger: Database = {
      ...db,
      async transaction(body) {
        const answer = await db.transaction(body);
        const claimed = typeof answer === 'object' && answer !== null && 'kind' in answer && answer.kind === 'allow';
        const late = claimed ? slowClaim : 0;
        if (claimed) slowClaim = 0;
        if (late > 0) await delay(late);
        return answer;
      },
    };
    world = await supervised({ db, workerLedger, policies: PERMIT_ALL + HOLDS });
  });
  afterAll(() => world?.stop());

  const sequence = (...calls: readonly object[]): Promise<RunId> => world.start('sequence', { calls });
  const told = async (run: RunId): Promise<readonly Told[]> => (await world.result<{ told: Told[] }>(run)).told;
  const phases = (run: RunId) => world.effects(run).map(({ phase }) => phase);
  const call = async (run: RunId) => (await world.calls(run))[0];
  const open1 = (run: RunId, kind: HoldKind, after?: HoldRecord): Promise<HoldRecord> =>
    world.until(`a hold of kind ${kind}`, async () =>
      (await world.holds(run)).find((hold) => hold.kind === kind && hold.state.kind === 'open' && hold.id !== after?.id),
    );
  const operator = { person: 'person:ops' } as const;

  describe('whose outcome nobody knows', () => {
    it.concurrent('succeeded, when a person says so and with what: the workflow goes on with that', async () => {
      const run = await sequence(charge('did', { end: 'throw' }), put('after'));
      const question = await open1(run, 'unknown-outcome');
      expect(question.shown.fields).toContainEqual({ name: 'text', value: 'did' });
      await expect(world.decide(question.id, { ...operator, choice: 'succeeded' })).rejects.toMatchObject({ code: 'result_required' });
      await expect(world.decide(question.id, { ...operator, choice: 'succeeded', result: { no: 1 } })).rejects.toMatchObject({
        code: 'result_invalid',
      });
      await expect(world.decide(question.id, { choice: 'succeeded', result: { text: 'x' } })).rejects.toMatchObject({
        code: 'not_eligible',
      });
      await world.decide(question.id, { ...operator, choice: 'succeeded', result: { text: 'I saw it' } });
      expect(await told(run)).toEqual([
        { kind: 'returned', value: { text: 'I saw it' } },
        { kind: 'returned', value: { text: 'after' } },
      ]);
      expect(phases(run)).toEqual(['begun', 'begun', 'done']);
      expect(await call(run)).toMatchObject({ attempts: 1, state: { kind: 'succeeded' } });
    });

    it.concurrent('failed, when a person says so: the agent is told, and nothing is repeated', async () => {
      const run = await sequence(charge('did not', { end: 'throw' }));
      await world.decide((await open1(run, 'unknown-outcome')).id, { ...operator, choice: 'failed', note: 'no trace of it' });
      expect(await told(run)).toEqual([
        { kind: 'denied', code: 'outcome_rejected', message: 'tool.charge did not take effect, as a person decided: no trace of it.' },
      ]);
      expect(phases(run)).toEqual(['begun']);
    });

    it.concurrent('runs again, when a person says so, and only then', async () => {
      const run = await sequence(charge('again', { end: 'once' }));
      const question = await open1(run, 'unknown-outcome');
      expect(phases(run)).toEqual(['begun']);
      await world.decide(question.id, { ...operator, choice: 'run-again' });
      expect(await told(run)).toEqual([{ kind: 'returned', value: { text: 'again' } }]);
      expect(phases(run)).toEqual(['begun', 'begun', 'done']);
      expect(await call(run)).toMatchObject({ attempts: 2 });
      expect((await world.run(run)).used.steps).toBe(2);
    });

    it.concurrent('is asked about each time anew', async () => {
      const run = await sequence(charge('never', { end: 'throw' }));
      const first = await open1(run, 'unknown-outcome');
      await world.decide(first.id, { ...operator, choice: 'run-again' });
      const second = await open1(run, 'unknown-outcome', first);
      expect(phases(run)).toEqual(['begun', 'begun']);
      await world.decide(second.id, { ...operator, choice: 'failed' });
      expect(await told(run)).toMatchObject([{ kind: 'denied', code: 'outcome_rejected' }]);
      expect(phases(run)).toEqual(['begun', 'begun']);
    });
  });

  describe('of an action that may be repeated', () => {
    it.concurrent('fails, and is made again without a person: three times, and then the agent is told', async () => {
      const run = await sequence(put('fails', { end: 'throw' }));
      expect(await told(run)).toEqual([{ kind: 'failed', message: 'it broke' }]);
      expect(phases(run)).toEqual(['begun', 'begun', 'begun']);
      expect(await call(run)).toMatchObject({ attempts: 3, state: { kind: 'failed' } });
      expect((await eventNames(world.client, run)).filter((name) => name === 'ACTIVITY_TASK_SCHEDULED')).toHaveLength(1);
      expect(await world.holds(run)).toEqual([]);
    });

    it.concurrent('is made again on the same approval', async () => {
      const run = await sequence(put('ask once', { end: 'once' }));
      const hold = await open1(run, 'approval');
      await world.decide(hold.id);
      expect(await told(run)).toEqual([{ kind: 'returned', value: { text: 'ask once' } }]);
      expect(phases(run)).toEqual(['begun', 'begun', 'done']);
      expect(await call(run)).toMatchObject({ attempts: 2, grant: hold.id });
      expect(await world.holds(run)).toHaveLength(1);
    });
  });

  it.concurrent('that did nothing gives its step and its money back, whatever the action', async () => {
    const run = await sequence(charge('nothing', { end: 'nothing', worst: 70 }));
    expect(await told(run)).toEqual([{ kind: 'failed', message: 'it did nothing' }]);
    expect((await world.run(run)).used).toMatchObject({ steps: 0, reserved: 0, settled: 0, overrun: 0 });
    expect(await call(run)).toMatchObject({ attempts: 3, state: { kind: 'not-started' }, spend: 0 });
    expect(await world.holds(run)).toEqual([]);
  });

  describe('that costs', () => {
    it.concurrent('less than was reserved leaves the rest to the next', async () => {
      const calls = [charge('cheap', { worst: 60, cost: 5 }), charge('second', { worst: 60 }), charge('third', { worst: 60 })];
      const run = await world.start('sequence', { calls }, { limits: { spend: 100 as Micros } });
      await open1(run, 'breaker');
      expect((await world.run(run)).used).toMatchObject({ settled: 65, reserved: 0, overrun: 0, steps: 2 });
      await world.kill(run);
    });

    it.concurrent('more than was reserved is told of, and holds the next claim until an operator accepts it', async () => {
      const run = await sequence(charge('dear', { worst: 10, cost: 50 }), put('next'));
      const breaker = await open1(run, 'breaker');
      expect(breaker.reason).toContain('more than was reserved');
      expect((await world.run(run)).used).toMatchObject({ settled: 10, reserved: 0, overrun: 40 });
      expect(world.effects(run).filter(({ input }) => input['text'] === 'next')).toEqual([]);
      await world.decide(breaker.id, { ...operator, choice: 'raise', raise: { spend: 1 } });
      expect(await told(run)).toMatchObject([{ kind: 'returned' }, { kind: 'returned' }]);
    });
  });

  describe('is not begun', () => {
    it.concurrent('on facts that moved after its claim, but judged afresh at no cost', async () => {
      const run = await sequence({ action: 'tool.shifty', input: { text: 'moves', moves: 1 } });
      expect(await told(run)).toMatchObject([{ kind: 'returned' }]);
      expect(world.effects(run).map(({ input }) => input)).toEqual([{ text: 'moves', at: 1 }]);
      expect((await world.run(run)).used.steps).toBe(1);
      expect(await call(run)).toMatchObject({ attempts: 2 });
    });

    it.concurrent('on facts that never stand still', async () => {
      const run = await sequence({ action: 'tool.shifty', input: { text: 'restless', moves: 1_000_000 } });
      await world.until('it to be told to wait', async () => (await eventNames(world.client, run)).includes('TIMER_STARTED'));
      expect((await world.run(run)).used.steps).toBe(0);
      expect(world.effects(run)).toEqual([]);
      await world.kill(run);
    });
  });

  it('is not begun more than a second after its claim', async () => {
    const run = await world.start('choosing', { call: charge('') });
    slowClaim = 1_100;
    await world.client.workflow.getHandle(run).signal('choose', 'slow');
    expect(await world.result(run)).toEqual({ kind: 'returned', value: { text: 'slow' } });
    const kinds = (await listAudit(db, run, { after: 0, limit: 100 })).map(({ text }) => (JSON.parse(text) as { kind: string }).kind);
    const story = kinds.filter((kind) => kind.startsWith('call.'));
    expect([story.slice(0, 2), story.slice(-2)]).toEqual([
      ['call.claimed', 'call.not-started'],
      ['call.claimed', 'call.succeeded'],
    ]);
    expect(phases(run)).toEqual(['begun', 'done']);
    expect((await world.run(run)).used.steps).toBe(1);
  });
});
