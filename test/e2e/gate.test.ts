import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeLedgers } from '../ledgers.ts';
import { migrate } from '../../ledger/index.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';

describeLedgers('a governed run', (open) => {
  let world: Supervised;
  beforeAll(async () => {
    const db = await open();
    await migrate(db);
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE });
  });
  afterAll(() => world.stop());

  it('lets a permitted call pass, and records it', async () => {
    const run = await world.start('sequence', { calls: [{ action: 'tool.put', input: { text: 'a' } }] });
    expect(await world.result(run)).toEqual({ told: [{ kind: 'returned', value: { text: 'a' } }], edits: [] });
    expect(world.effects(run).map(({ phase, idempotencyKey }) => [phase, idempotencyKey])).toEqual([
      ['begun', `${run}/1`],
      ['done', `${run}/1`],
    ]);
    expect((await world.calls(run)).map(({ key, state }) => [key, state.kind])).toEqual([['/1', 'succeeded']]);
  });

  it('holds what a policy asks for, and goes on when it is approved', async () => {
    const run = await world.start('sequence', { calls: [{ action: 'tool.charge', input: { text: 'b' } }] });
    const [hold] = await world.held(run);
    expect(world.effects(run)).toEqual([]);
    await world.decide(hold?.id ?? '');
    expect(await world.result(run)).toMatchObject({ told: [{ kind: 'returned', value: { text: 'b' } }] });
    expect(world.effects(run)).toHaveLength(2);
  });

  it('tells the agent who denied and why', async () => {
    const run = await world.start('sequence', { calls: [{ action: 'tool.charge', input: { text: 'c' } }] });
    const [hold] = await world.held(run);
    await world.decide(hold?.id ?? '', { choice: 'deny', note: 'not today' });
    expect(await world.result(run)).toMatchObject({
      told: [{ kind: 'denied', code: 'approval_denied', message: expect.stringContaining('not today') }],
    });
    expect(world.effects(run)).toEqual([]);
  });
});
