import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunView } from '../../core/index.ts';
import { openPostgres } from '../../ledger/index.ts';
import { buildWorker, COST, CrashWorld, until } from '../e2e/crash-world.ts';
import { ask, sampleRequest, sampleRun } from '../sample-run.ts';

const ASKED = ['begun-charge', 'done-charge', 'committed-charge'] as const;
const ANSWERED = ['prepared-put', 'prepared-charge', 'begun-put', 'done-put', 'committed-put', 'settled-put', 'settled-charge'] as const;
/** A lock that a frozen worker keeps is taken back after 2 s; the rest is for a machine that has much to do. */
const AT_MOST = 2_000 + 1_500;

let built: string;
let world: CrashWorld;
/** How long each verb took while the worker was frozen, in milliseconds. */
const took = new Map<string, number>();
let before: ReadonlyMap<string, RunView>;
let afterwards: ReadonlyMap<string, RunView>;

const looks = async (): Promise<ReadonlyMap<string, RunView>> =>
  new Map(await Promise.all([...ASKED, ...ANSWERED].map(async (name) => [name, await world.show(name)] as const)));
const phases = (name: string): string[] => world.effects(name).map(({ phase }) => phase);
const kinds = async (name: string): Promise<string[]> => {
  const { items } = await world.api<{ items: { text: string }[] }>('GET', `/runs/${world.idOf(name)}/audit?limit=200`);
  return items.map(({ text }) => (JSON.parse(text) as { kind: string }).kind);
};

beforeAll(async () => {
  built = await buildWorker();
  world = new CrashWorld('postgres', built);
  await world.open();
  await freezeAtEveryPoint();
  await answeredByAnother();
  before = await looks();
  world.thawWorker();
  for (const name of ASKED) await until(`the late outcome of ${name}`, async () => (await kinds(name)).includes('call.late-settle'));
  await world.retireWorker();
  afterwards = await looks();
}, 240_000);
afterAll(async () => {
  await world?.close();
  rmSync(built, { recursive: true, force: true });
});

async function freezeAtEveryPoint(): Promise<void> {
  const left = { action: 'crash.ask', input: { name: 'left' } };
  await Promise.all([
    world.begin('held', 'crash.ask', 'never'),
    world.beginWorkflow('locked-charge', 'leaving', { left, how: 'returns', next: [charge('locked-charge')] }),
    world.beginWorkflow('locked-killed', 'leaving', { left, how: 'returns', next: [charge('locked-killed')] }),
  ]);
  for (const name of ['held', 'locked-charge', 'locked-killed']) await world.held(name, 'approval');
  for (const stop of ['begun', 'done', 'settled', 'committed', 'prepared'] as const) {
    const names = [`${stop}-put`, `${stop}-charge`];
    await Promise.all([world.begin(`${stop}-put`, 'crash.put', stop), world.begin(`${stop}-charge`, 'crash.charge', stop)]);
    await world.reached(names);
  }
  // Last, since Postgres takes back a lock that is kept too long.
  await Promise.all(['locked-charge', 'locked-killed'].map((name) => world.signal(name, 'goOn')));
  await world.reached(['locked-charge', 'locked-killed']);
  const db = await openPostgres({ url: world.ledger, poolSize: 1 });
  const other = await sampleRun(db);
  world.freezeWorker();
  const [held, beside] = await Promise.all([world.held('held', 'approval'), world.held('locked-charge', 'approval')]);
  await Promise.all([
    timed('approve', () => world.decide(held, 'approve')),
    timed('approve in a run that is locked', () => world.decide(beside, 'approve')),
    timed('kill of a run that is locked', () => world.api('POST', `/runs/${world.idOf('locked-killed')}/kill`, { reason: 'stop' })),
    timed('claim of another run', () => ask(db, other, sampleRequest('/1'))),
    timed('list', () => world.api('GET', '/runs')),
  ]);
  await db.close();
}

/** Questions about what nobody can account for, and answers of all else, while the first worker is still frozen. */
async function answeredByAnother(): Promise<void> {
  await world.startAnotherWorker();
  await Promise.all([...ANSWERED, 'held', 'locked-charge'].map((name) => world.result(name)));
  await Promise.all(ASKED.map((name) => world.held(name, 'unknown-outcome')));
}

async function timed(what: string, verb: () => Promise<unknown>): Promise<void> {
  const from = performance.now();
  await verb();
  took.set(what, performance.now() - from);
}

function charge(name: string): object {
  return { action: 'crash.charge', input: { name, stop: 'locked' } };
}

describe('a worker that is frozen at every point, for longer than its lease, and then goes on', () => {
  it('keeps nobody waiting for more than two seconds', () => {
    expect([...took.keys()]).toHaveLength(5);
    expect([...took].filter(([, millis]) => millis > AT_MOST)).toEqual([]);
  });

  it('makes no second effect of what must not be repeated', () => {
    for (const name of ['prepared-charge', 'locked-charge', 'done-charge', 'settled-charge', 'begun-charge'])
      expect([name, phases(name).filter((phase) => phase === 'begun')]).toEqual([name, ['begun']]);
    expect(phases('committed-charge')).toEqual([]);
    expect(world.effects('locked-killed')).toEqual([]);
  });

  it('changes nothing by what it says too late: no step, no spend, no call, no hold', () => {
    const kept = ({ steps, spend, failures, calls, holds }: RunView) => ({ steps, spend, failures, calls, holds });
    expect([...afterwards.values()].map(kept)).toEqual([...before.values()].map(kept));
  });

  it('leaves the question to a person, with what it said too late as evidence', async () => {
    for (const name of ['begun-charge', 'done-charge']) {
      const hold = await world.held(name, 'unknown-outcome');
      // Without the evidence a result would be asked for.
      await world.decide(hold, 'succeeded');
      expect(await world.result(name)).toMatchObject({ told: [{ kind: 'returned', value: { name } }] });
      expect(phases(name)).toEqual(['begun', 'done']);
      const spend = { settled: COST.worst, reserved: 0, overrun: 0 };
      expect(await world.show(name)).toMatchObject({ steps: { used: 1 }, spend });
    }
    const hold = await world.held('committed-charge', 'unknown-outcome');
    await expect(world.decide(hold, 'succeeded')).rejects.toThrow(/result_required/);
    await world.decide(hold, 'run-again');
    expect(await world.result('committed-charge')).toMatchObject({ told: [{ kind: 'returned' }] });
    expect(phases('committed-charge')).toEqual(['begun', 'done']);
  });

  it('leaves every audit chain whole', async () => {
    for (const name of world.names) expect([name, await world.audit(name)]).toMatchObject([name, { brokenAt: null }]);
  });
});
