import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRun, forgetAgent, listAgents, listExecutions, migrate, openPostgres, verifyAudit } from '../../ledger/index.ts';
import type { HoldRecord, RunRecord } from '../../ledger/index.ts';
import { describeLedgers } from '../ledgers.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { sampleRun } from '../sample-run.ts';
import { charge, put } from './calls.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from './supervised.ts';
import type { Supervised } from './supervised.ts';

type Elsewhere = Awaited<ReturnType<Supervised['startElsewhere']>>;

describeLedgers('runs that were started elsewhere', (open) => {
  let world: Supervised;
  beforeAll(async () => {
    const db = await open();
    await migrate(db);
    world = await supervised({ db, policies: PERMIT_ALL + HOLD_CHARGE });
  });
  afterAll(() => world.stop());

  const adopted = ({ run }: Elsewhere): Promise<RunRecord> =>
    world.until(`${run} to be adopted`, async () => (await findRun(world.db, run)) ?? undefined);
  const held = async (started: Elsewhere): Promise<HoldRecord> => {
    await adopted(started);
    const [hold] = await world.held(started.run);
    if (hold === undefined) throw new Error('nothing is held');
    return hold;
  };
  const asOps = { person: 'person:ops' } as const;

  it('wait at their first call until an operator admits the agent, which is asked about once', async () => {
    const first = await world.startElsewhere('sequence', { calls: [put('first'), put('second')] });
    const second = await world.startElsewhere('sequence', { calls: [put('other')] });
    const [asked] = [await held(first), await held(second)];
    expect(asked).toMatchObject({ kind: 'admission', key: null, decideBy: null });
    expect(await adopted(first)).toMatchObject({ agent: 'sequence', requesters: [], mode: 'enforce', admission: 'hold', state: 'held' });
    expect([...world.effects(first.run), ...world.effects(second.run)]).toEqual([]);

    await world.decide(asked.id, { ...asOps, choice: 'admit' });
    expect(await first.result()).toMatchObject({ told: [{ kind: 'returned' }, { kind: 'returned' }] });
    // The other run of the agent is told, though its own question was never decided.
    expect(await second.result()).toMatchObject({ told: [{ kind: 'returned' }] });
    expect((await world.holds(second.run)).map(({ kind, state }) => [kind, state.kind])).toEqual([['admission', 'withdrawn']]);
    const third = await world.startElsewhere('sequence', { calls: [put('third')] });
    await third.result();
    expect(await world.holds(third.run)).toEqual([]);
    expect(world.effects(third.run).map(({ idempotencyKey }) => idempotencyKey)).toEqual([`${third.run}/1`, `${third.run}/1`]);
    expect(await world.closed(third.run)).toMatchObject({ closed: 'succeeded' });
    expect((await verifyAudit(world.db, third.run)).brokenAt).toBeNull();
    expect(await listAgents(world.db)).toMatchObject([{ agent: 'sequence', answer: { answer: 'admitted', by: 'person:ops' }, adopted: 3 }]);
  });

  it('are refused when an operator refuses their agent, and asked about again once that is taken back', async () => {
    const started = await world.startElsewhere('together', { calls: [put('refused')] });
    await world.decide((await held(started)).id, { ...asOps, choice: 'refuse', note: 'nobody knows it' });
    expect(await started.result()).toMatchObject([{ kind: 'denied', code: 'agent_refused' }]);
    expect(await (await world.startElsewhere('together', { calls: [put('again')] })).result()).toMatchObject([{ code: 'agent_refused' }]);

    expect(await forgetAgent(world.db, 'together', { by: 'person:ops', reason: 'a second look' })).toBe(true);
    const later = await world.startElsewhere('together', { calls: [put('later')] });
    await world.decide((await held(later)).id, { ...asOps, choice: 'admit' });
    expect(await later.result()).toMatchObject([{ kind: 'returned' }]);
    expect(world.effects().filter(({ input }) => ['refused', 'again'].includes(String(input['text'])))).toEqual([]);
  });

  it('need one approver more than the policy asks for, since anybody may have started them', async () => {
    const started = await world.startElsewhere('sequence', { calls: [charge('dear')] });
    const hold = await world.until('its approval to be asked for', async () => {
      const open = (await world.holds(started.run)).find(({ kind, state }) => kind === 'approval' && state.kind === 'open');
      return open ?? (await admitIfAsked(started));
    });
    expect(hold.requires).toMatchObject([{ quorum: 2, unknownRequester: true }]);
    await world.decide(hold.id, { person: 'person:ada' });
    expect(world.effects(started.run)).toEqual([]);
    await world.decide(hold.id, { person: 'person:ben' });
    expect(await started.result()).toMatchObject({ told: [{ kind: 'returned' }] });
  });

  it('are one run with their children and continued executions, under one set of limits', async () => {
    const parent = await world.startElsewhere('family', { children: [[put('c1'), put('c2')], [put('c3')]] });
    await world.until(
      'the agent to be admitted',
      async () => (await admitIfAsked(parent)) ?? (await findRun(world.db, parent.run))?.closed ?? undefined,
    );
    await parent.result();
    expect((await world.calls(parent.run)).map(({ key }) => key).toSorted()).toEqual(['/1/1', '/1/2', '/2/1']);
    expect((await listExecutions(world.db, parent.run)).map(({ path }) => path).toSorted()).toEqual(['', '/1', '/2']);
    expect((await world.run(parent.run)).used.steps).toBe(3);

    const chain = await world.startElsewhere('continued', { calls: [put('k1'), put('k2'), put('k3')] });
    await world.until(
      'the agent to be admitted',
      async () => (await admitIfAsked(chain)) ?? (await findRun(world.db, chain.run))?.closed ?? undefined,
    );
    await chain.result();
    expect((await world.calls(chain.run)).map(({ key }) => key)).toEqual(['/1', '/2', '/3']);
  });

  it('are killed as a whole, and stop', async () => {
    const started = await world.startElsewhere('sequence', { calls: [charge('never')] });
    await adopted(started);
    await world.kill(started.run);
    expect(await started.result()).toMatchObject({ told: [{ kind: 'cancelled' }] });
    expect(await world.closed(started.run)).toMatchObject({ closed: 'killed' });
    expect(world.effects(started.run)).toEqual([]);
  });

  /** Undefined, so that whoever waits looks again. */
  async function admitIfAsked(started: Elsewhere): Promise<undefined> {
    const asked = (await world.holds(started.run)).find(({ kind, state }) => kind === 'admission' && state.kind === 'open');
    if (asked !== undefined) await world.decide(asked.id, { ...asOps, choice: 'admit' });
    return undefined;
  }
});

describe('on Postgres, with the roles of production', () => {
  it('a worker adopts runs, and where admission is refuse their calls are told that the agent is unknown', async () => {
    const url = await freshDatabase((await startPostgres()).url);
    const db = await openPostgres({ url });
    await migrate(db);
    const workerLedger = await openPostgres({ url, role: 'worker' });
    const world = await supervised({ db, workerLedger, config: { admission: 'refuse' } });
    try {
      const started = await world.startElsewhere('sequence', { calls: [put('a')] });
      expect(await started.result()).toMatchObject({ told: [{ kind: 'denied', code: 'agent_unknown' }] });
      expect(world.effects()).toEqual([]);
      expect(await world.run(started.run)).toMatchObject({ admission: 'refuse' });
      // What it adopts is no way to start runs of its own.
      await expect(sampleRun(workerLedger)).rejects.toMatchObject({ code: 'invariant_broken' });
    } finally {
      await world.stop();
      await Promise.all([workerLedger.close(), db.close()]);
    }
  });
});
