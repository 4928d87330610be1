import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COST, CrashWorld, TIMEOUT } from './crash-world.ts';
import { buildWorker } from './processes.ts';
import type { Kind } from './crash-world.ts';

const KINDS = ['pglite', 'postgres'] as const satisfies readonly Kind[];
const worlds = new Map<Kind, CrashWorld>();
const worldOf = (kind: Kind): CrashWorld => worlds.get(kind) as CrashWorld;
let built: string;

/** Both at once, since much of it is waiting for the news that a worker is dead. */
beforeAll(async () => {
  built = await buildWorker();
  for (const kind of KINDS) worlds.set(kind, new CrashWorld(kind, built));
  await Promise.all([...worlds.values()].map(crashAtEveryPoint));
}, 180_000);
afterAll(async () => {
  await Promise.all([...worlds.values()].map((world) => world.close()));
  rmSync(built, { recursive: true, force: true });
});

async function crashAtEveryPoint(world: CrashWorld): Promise<void> {
  await world.open();
  await Promise.all([
    world.begin('begun-put', 'crash.put', 'begun'),
    world.begin('begun-last-step', 'crash.put', 'begun', { steps: 1 }),
    world.begin('begun-last-money', 'crash.put', 'begun', { spend: 1_999 }),
    world.begin('begun-charge-succeeded', 'crash.charge', 'begun'),
    world.begin('begun-charge-failed', 'crash.charge', 'begun'),
    world.begin('begun-charge-again', 'crash.charge', 'begun'),
    world.begin('done-put', 'crash.put', 'done'),
    world.begin('done-charge', 'crash.charge', 'done'),
    world.begin('settled-put', 'crash.put', 'settled'),
    world.begin('settled-charge', 'crash.charge', 'settled'),
  ]);
  await world.reached(world.names);
  // These last: the gate waits for facts no longer than five seconds.
  await Promise.all([world.begin('claimed-put', 'crash.put', 'claimed'), world.begin('claimed-charge', 'crash.charge', 'claimed')]);
  await world.reached(['claimed-put', 'claimed-charge']);
  await Promise.all([world.begin('prepared-put', 'crash.put', 'prepared'), world.begin('prepared-charge', 'crash.charge', 'prepared')]);
  await world.reached(['prepared-put', 'prepared-charge']);
  // And this at the very end: Postgres takes back a lock that is kept for two seconds, and PGlite has one session.
  await world.begin('locked-charge', 'crash.charge', 'locked');
  await world.reached(['locked-charge']);
  await world.crashWorker();
}

const returned = (name: string) => ({ told: [{ kind: 'returned', value: { name } }] });
const phases = (world: CrashWorld, name: string): string[] => world.effects(name).map(({ phase }) => phase);
const keys = (world: CrashWorld, name: string): string[] => [...new Set(world.effects(name).map(({ idempotencyKey }) => idempotencyKey))];
/** A lost attempt counts as the most that it may have cost. */
const spent = (attempts: { lost: number; ended: number }) => ({
  settled: attempts.lost * COST.worst + attempts.ended * COST.real,
  reserved: 0,
  overrun: 0,
});

describe.each(KINDS)('a kill -9 of the worker (%s)', (kind) => {
  it('leaves what was reserved accounted for, until the attempt is judged', async () => {
    const world = worldOf(kind);
    for (const name of world.names.filter((known) => !/^(prepared|locked)/.test(known))) {
      const { spend, steps } = await world.show(name);
      expect(steps.used, name).toBeGreaterThanOrEqual(1);
      expect(spend.settled + spend.reserved, name).toBeGreaterThanOrEqual(name.startsWith('settled') ? COST.real : COST.worst);
    }
  });

  it(
    'before the claim, and in the middle of it: nothing was counted, and the call runs, once',
    async () => {
      const world = worldOf(kind);
      for (const name of ['prepared-put', 'prepared-charge', 'locked-charge']) {
        expect(await world.result(name)).toMatchObject(returned(name));
        expect(phases(world, name)).toEqual(['begun', 'done']);
        const after = { steps: { used: 1 }, spend: spent({ lost: 0, ended: 1 }), holds: [], calls: [{ attempts: 1 }] };
        expect(await world.show(name)).toMatchObject(after);
      }
    },
    TIMEOUT,
  );

  it(
    'between claim and effect: an idempotent call runs, once',
    async () => {
      const world = worldOf(kind);
      expect(await world.result('claimed-put')).toMatchObject(returned('claimed-put'));
      expect(phases(world, 'claimed-put')).toEqual(['begun', 'done']);
      expect(await world.show('claimed-put')).toMatchObject({ steps: { used: 2 }, spend: spent({ lost: 1, ended: 1 }), openHolds: 0 });
    },
    TIMEOUT,
  );

  it(
    'between claim and effect: one that is not asks, and begins only when a person says so',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('claimed-charge', 'unknown-outcome');
      expect(phases(world, 'claimed-charge')).toEqual([]);
      await world.decide(hold, 'run-again');
      expect(await world.result('claimed-charge')).toMatchObject(returned('claimed-charge'));
      expect(phases(world, 'claimed-charge')).toEqual(['begun', 'done']);
      expect(await world.show('claimed-charge')).toMatchObject({ steps: { used: 2 }, spend: spent({ lost: 1, ended: 1 }) });
    },
    TIMEOUT,
  );

  it(
    'during the effect: an idempotent one runs again under the same key',
    async () => {
      const world = worldOf(kind);
      expect(await world.result('begun-put')).toMatchObject(returned('begun-put'));
      expect(phases(world, 'begun-put')).toEqual(['begun', 'begun', 'done']);
      expect(keys(world, 'begun-put')).toEqual([`${world.idOf('begun-put')}/1`]);
      const after = { steps: { used: 2 }, spend: spent({ lost: 1, ended: 1 }), holds: [] };
      expect(await world.show('begun-put')).toMatchObject(after);
    },
    TIMEOUT,
  );

  it(
    'during the effect of the last step: the second attempt waits for a raise',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('begun-last-step', 'breaker');
      expect(await world.show('begun-last-step')).toMatchObject({ steps: { used: 1, limit: 1 }, spend: spent({ lost: 1, ended: 0 }) });
      expect(phases(world, 'begun-last-step')).toEqual(['begun']);
      await world.decide(hold, 'raise', { raise: { steps: 1 } });
      expect(await world.result('begun-last-step')).toMatchObject(returned('begun-last-step'));
      expect(phases(world, 'begun-last-step')).toEqual(['begun', 'begun', 'done']);
      expect(await world.show('begun-last-step')).toMatchObject({ steps: { used: 2, limit: 2 } });
    },
    TIMEOUT,
  );

  it(
    'during the effect with too little money for another: the lost attempt counts as spent, and a raise is asked for',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('begun-last-money', 'breaker');
      expect(await world.show('begun-last-money')).toMatchObject({ spend: { ...spent({ lost: 1, ended: 0 }), limit: 1_999 } });
      expect(phases(world, 'begun-last-money')).toEqual(['begun']);
      await world.decide(hold, 'raise', { raise: { spend: 1 } });
      expect(await world.result('begun-last-money')).toMatchObject(returned('begun-last-money'));
      expect(await world.show('begun-last-money')).toMatchObject({ spend: { ...spent({ lost: 1, ended: 1 }), limit: 2_000 } });
    },
    TIMEOUT,
  );

  it(
    'during an effect that must not be repeated: a person says that it succeeded, and with what',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('begun-charge-succeeded', 'unknown-outcome');
      await world.decide(hold, 'succeeded', { result: { name: 'as the bank says' } });
      expect(await world.result('begun-charge-succeeded')).toMatchObject(returned('as the bank says'));
      expect(phases(world, 'begun-charge-succeeded')).toEqual(['begun']);
      const after = { steps: { used: 1 }, spend: spent({ lost: 1, ended: 0 }), calls: [{ state: 'succeeded' }] };
      expect(await world.show('begun-charge-succeeded')).toMatchObject(after);
    },
    TIMEOUT,
  );

  it(
    'during an effect that must not be repeated: a person says that it failed, and the agent is told',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('begun-charge-failed', 'unknown-outcome');
      await world.decide(hold, 'failed', { note: 'the bank knows nothing of it' });
      const denied = { kind: 'denied', code: 'outcome_rejected', message: expect.stringContaining('the bank knows nothing of it') };
      expect(await world.result('begun-charge-failed')).toMatchObject({ told: [denied] });
      expect(phases(world, 'begun-charge-failed')).toEqual(['begun']);
      expect(await world.show('begun-charge-failed')).toMatchObject({ steps: { used: 1 }, spend: spent({ lost: 1, ended: 0 }) });
    },
    TIMEOUT,
  );

  it(
    'during an effect that must not be repeated: a person lets it run again, under the same key',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('begun-charge-again', 'unknown-outcome');
      expect(phases(world, 'begun-charge-again')).toEqual(['begun']);
      await world.decide(hold, 'run-again');
      expect(await world.result('begun-charge-again')).toMatchObject(returned('begun-charge-again'));
      expect(phases(world, 'begun-charge-again')).toEqual(['begun', 'begun', 'done']);
      expect(keys(world, 'begun-charge-again')).toEqual([`${world.idOf('begun-charge-again')}/1`]);
      expect(await world.show('begun-charge-again')).toMatchObject({ steps: { used: 2 }, spend: spent({ lost: 1, ended: 1 }) });
    },
    TIMEOUT,
  );

  it(
    'after an effect that nobody recorded: an idempotent one runs again, another asks',
    async () => {
      const world = worldOf(kind);
      const hold = await world.held('done-charge', 'unknown-outcome');
      await world.decide(hold, 'succeeded', { result: { name: 'done-charge' } });
      expect(await world.result('done-charge')).toMatchObject(returned('done-charge'));
      expect(phases(world, 'done-charge')).toEqual(['begun', 'done']);
      expect(await world.result('done-put')).toMatchObject(returned('done-put'));
      expect(phases(world, 'done-put')).toEqual(['begun', 'done', 'begun', 'done']);
      expect(keys(world, 'done-put')).toEqual([`${world.idOf('done-put')}/1`]);
      expect(await world.show('done-put')).toMatchObject({ steps: { used: 2 }, spend: spent({ lost: 1, ended: 1 }) });
    },
    TIMEOUT,
  );

  it(
    'after an outcome that was recorded and not yet heard of: the record answers, and nothing is asked',
    async () => {
      const world = worldOf(kind);
      for (const name of ['settled-put', 'settled-charge']) {
        expect(await world.result(name)).toMatchObject(returned(name));
        expect(phases(world, name)).toEqual(['begun', 'done']);
        const after = { steps: { used: 1 }, spend: spent({ lost: 0, ended: 1 }) };
        expect(await world.show(name)).toMatchObject(after);
        expect((await world.show(name)).holds).toEqual([]);
      }
    },
    TIMEOUT,
  );
});

describe('a kill -9 of the server after a decision and before the wake-up', () => {
  it.each([
    ['approve', 'pglite'],
    ['approve', 'postgres'],
    ['deny', 'postgres'],
  ] as const)(
    'keeps the decision (%s, %s), which wakes the workflow as soon as the server is back',
    async (choice, kind) => {
      const world = worldOf(kind);
      const name = `decided-${choice}`;
      await world.begin(name, 'crash.ask', 'never');
      const hold = await world.held(name, 'approval');
      await world.crashServerDeciding(hold, choice);
      const told = choice === 'approve' ? returned(name) : { told: [{ kind: 'denied', code: 'approval_denied' }] };
      expect(await world.result(name)).toMatchObject(told);
      expect(phases(world, name)).toEqual(choice === 'approve' ? ['begun', 'done'] : []);
      const state = choice === 'approve' ? 'granted' : 'denied';
      expect(await world.show(name)).toMatchObject({ holds: [{ state, votes: [{ choice }] }], openHolds: 0 });
    },
    TIMEOUT * 2,
  );
});

describe.concurrent('a kill -9 of everything, Temporal too', () => {
  it.each(KINDS)(
    'loses nothing of a run that is held; its effect happens once, when it is approved (%s)',
    async (kind) => {
      const world = worldOf(kind);
      await world.begin('held', 'crash.ask', 'never');
      const before = await world.held('held', 'approval');
      const known = await Promise.all(world.names.map((name) => world.show(name)));
      await world.crashEverything();

      expect(await Promise.all(world.names.map((name) => world.show(name)))).toMatchObject(
        known.map(({ id, calls, spend, steps }) => ({ id, calls, spend, steps })),
      );
      expect(await world.held('held', 'approval')).toEqual(before);
      expect(phases(world, 'held')).toEqual([]);
      await world.decide(before, 'approve');
      expect(await world.result('held')).toMatchObject(returned('held'));
      expect(phases(world, 'held')).toEqual(['begun', 'done']);
      const after = { steps: { used: 1 }, spend: spent({ lost: 0, ended: 1 }), holds: [{ state: 'granted' }], openHolds: 0 };
      expect(await world.show('held')).toMatchObject(after);
      for (const name of world.names) expect(await world.audit(name), name).toMatchObject({ brokenAt: null });
    },
    120_000,
  );
});
