import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunView } from '../../core/index.ts';
import { migrate, openPostgres, verifyAudit } from '../../ledger/index.ts';
import { charge, put } from '../e2e/calls.ts';
import { COST, CrashWorld, until } from '../e2e/crash-world.ts';
import { buildWorker } from '../e2e/processes.ts';
import { events } from '../e2e/histories.ts';
import { PERMIT_ALL, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import { startPostgresProxy } from '../postgres-proxy.ts';
import type { PostgresProxy } from '../postgres-proxy.ts';
import { freshDatabase, startPostgres } from '../real-postgres.ts';
import { ask, sampleRequest, sampleRun } from '../sample-run.ts';

const MINUTE = 60_000;
const ASKED = ['begun-charge', 'done-charge', 'committed-charge', 'claimed-charge'] as const;
const ANSWERED = [
  'prepared-put',
  'prepared-charge',
  'begun-put',
  'done-put',
  'committed-put',
  'claimed-put',
  'settled-put',
  'settled-charge',
] as const;
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
/** Of the call that stopped; a run may have another that was approved meanwhile. */
const phases = (name: string): string[] =>
  world
    .effects(name)
    .filter(({ action }) => action !== 'crash.ask')
    .map(({ phase }) => phase);
const kinds = async (name: string): Promise<string[]> => {
  const { items } = await world.api<{ items: { text: string }[] }>('GET', `/runs/${world.idOf(name)}/audit?limit=200`);
  return items.map(({ text }) => (JSON.parse(text) as { kind: string }).kind);
};

async function freezeAtEveryPoint(): Promise<void> {
  const left = { action: 'crash.ask', input: { name: 'left' } };
  await Promise.all([
    world.begin('held', 'crash.ask', 'never'),
    world.beginWorkflow('locked-charge', 'leaving', { left, how: 'returns', next: [locked('locked-charge')] }),
    world.beginWorkflow('locked-killed', 'leaving', { left, how: 'returns', next: [locked('locked-killed')] }),
  ]);
  for (const name of ['held', 'locked-charge', 'locked-killed']) await world.held(name, 'approval');
  for (const stop of ['begun', 'done', 'settled', 'committed', 'prepared'] as const) {
    const names = [`${stop}-put`, `${stop}-charge`];
    await Promise.all([world.begin(`${stop}-put`, 'crash.put', stop), world.begin(`${stop}-charge`, 'crash.charge', stop)]);
    await world.reached(names);
  }
  const db = await openPostgres({ url: world.ledger, poolSize: 1 });
  const [other, request] = [await sampleRun(db), sampleRequest('/1')];
  const claims = () => ask(db, other, request);
  // Last, since the gate waits five seconds for facts, and Postgres takes back a lock that is kept too long.
  await Promise.all([
    world.begin('claimed-put', 'crash.put', 'claimed'),
    world.begin('claimed-charge', 'crash.charge', 'claimed'),
    ...['locked-charge', 'locked-killed'].map((name) => world.signal(name, 'goOn')),
  ]);
  await world.reached(['claimed-put', 'claimed-charge', 'locked-charge', 'locked-killed']);
  world.freezeWorker();
  const [held, beside] = await Promise.all([world.held('held', 'approval'), world.held('locked-charge', 'approval')]);
  await Promise.all([
    timed('approve', () => world.decide(held, 'approve')),
    timed('approve in a run that is locked', () => world.decide(beside, 'approve')),
    timed('kill of a run that is locked', () => world.api('POST', `/runs/${world.idOf('locked-killed')}/kill`, { reason: 'stop' })),
    // As the gate does: where this very process stood still for too long, its own transaction was ended.
    timed('claim of another run', () => claims().catch(claims)),
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

function locked(name: string): object {
  return { action: 'crash.charge', input: { name, stop: 'locked' } };
}

/** These two take long, and little of the machine: they run at the same time. */
describe.concurrent('under fire', () => {
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

  describe.sequential('a worker that is frozen at every point, for longer than its lease, and then goes on', () => {
    it('keeps nobody waiting for more than two seconds', () => {
      expect([...took.keys()]).toHaveLength(5);
      expect([...took].filter(([, millis]) => millis > AT_MOST)).toEqual([]);
    });

    it('makes no second effect of what must not be repeated', () => {
      for (const name of ['prepared-charge', 'locked-charge', 'done-charge', 'settled-charge', 'begun-charge'])
        expect([name, phases(name).filter((phase) => phase === 'begun')]).toEqual([name, ['begun']]);
      for (const name of ['committed-charge', 'claimed-charge']) expect([name, phases(name)]).toEqual([name, []]);
      expect(phases('locked-killed')).toEqual([]);
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
      for (const name of ['committed-charge', 'claimed-charge']) {
        const hold = await world.held(name, 'unknown-outcome');
        await expect(world.decide(hold, 'succeeded')).rejects.toThrow(/result_required/);
        await world.decide(hold, 'run-again');
        expect(await world.result(name)).toMatchObject({ told: [{ kind: 'returned' }] });
        expect(phases(name)).toEqual(['begun', 'done']);
      }
    });

    it('leaves every audit chain whole', async () => {
      for (const name of world.names) expect([name, await world.audit(name)]).toMatchObject([name, { brokenAt: null }]);
    });
  });
});

describe.concurrent('a ledger that is away for a minute', () => {
  let away: Supervised;
  let proxy: PostgresProxy;
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    const url = await freshDatabase((await startPostgres()).url);
    const owner = await openPostgres({ url });
    await migrate(owner);
    proxy = await startPostgresProxy(url);
    const workerLedger = await openPostgres({ url: proxy.url, role: 'worker' });
    opened.push(workerLedger, owner, proxy);
    away = await supervised({ db: owner, workerLedger, policies: PERMIT_ALL });
  }, 120_000);
  afterAll(async () => {
    await away?.stop();
    for (const one of opened) await one.close();
  });

  const refusals = async (run: string): Promise<string[]> =>
    (await events(away.client, run)).flatMap(
      (event) => event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type ?? [],
    );

  it('costs no step, no retry and no failure, though the author allows one attempt, and what happened is told when it is back', async () => {
    const asking = await away.start('choosing', { call: put('?'), once: true });
    const busy = [charge('charged', { end: 'wait' }), put('put', { end: 'wait' })];
    const runs = await Promise.all(busy.map((call) => away.start('once', { calls: [call] })));
    await away.until('both effects', () => Promise.resolve(away.effects().length === 2));
    // At first it is silent, for longer than Temporal waits for a sign of life; then it is not there.
    proxy.silence();
    const back = delay(MINUTE).then(() => proxy.restore());
    await away.client.workflow.getHandle(asking).signal('choose', 'asked');
    // They end when the minute has hardly begun, and for all of it there is nobody to tell.
    for (const { input } of busy) writeFileSync(join(away.folder, `go-${input.text}`), '');
    await away.until('the ends of both', () => Promise.resolve(away.effects().length === 4));
    await away.until('the gate to give up on the silence', async () => (await refusals(asking)).length > 0);
    proxy.sever();
    await back;

    expect(await away.result(asking)).toEqual({ kind: 'returned', value: { text: 'asked' } });
    for (const [index, { input }] of busy.entries())
      expect(await away.result(runs[index] ?? '')).toMatchObject({ told: [{ kind: 'returned', value: { text: input.text } }] });
    const refused = await refusals(asking);
    expect(refused.length).toBeGreaterThan(5);
    expect(new Set(refused)).toEqual(new Set(['HoldpointLater']));
    for (const run of [asking, ...runs]) {
      expect(away.effects(run).map(({ phase }) => phase)).toEqual(['begun', 'done']);
      expect(await away.run(run)).toMatchObject({ used: { steps: 1 }, meters: { failures: 0 } });
      expect((await away.calls(run)).map(({ attempts, state }) => [attempts, state.kind])).toEqual([[1, 'succeeded']]);
      expect(await away.holds(run)).toEqual([]);
      const started = (await events(away.client, run)).flatMap((event) => event.activityTaskStartedEventAttributes?.attempt ?? []);
      expect(new Set(started)).toEqual(new Set([1]));
      expect((await verifyAudit(away.db, run)).brokenAt).toBeNull();
    }
  }, 150_000);
});
