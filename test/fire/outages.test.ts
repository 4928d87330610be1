import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunId } from '../../core/index.ts';
import { migrate, openPostgres, verifyAudit } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { ensureTemporalServer } from '../../runtime/temporal-server/index.ts';
import { charge } from '../e2e/calls.ts';
import { killTemporal } from '../e2e/processes.ts';
import { HOLD_CHARGE, PERMIT_ALL, supervised } from '../e2e/supervised.ts';
import type { Supervised } from '../e2e/supervised.ts';
import { freshDatabase, startOwnPostgres } from '../real-postgres.ts';
import type { OwnPostgres } from '../real-postgres.ts';
import { withPoints } from './points.ts';
import type { Point } from './points.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

const POLICIES = `${PERMIT_ALL}${HOLD_CHARGE.replace('resource);', 'resource) when { context.input.text like "held*" };')}`;

let folder: string;
let postgres: OwnPostgres;
let temporal: Awaited<ReturnType<typeof ensureTemporalServer>>;
let db: Database;
let workerLedger: Database;
let world: Supervised;
/** The one call that stops, where, and what lets it go on. */
let stop: { readonly at: Point; readonly reached: () => void; readonly over: Promise<void> } | null = null;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdpoint-outages-'));
  [postgres] = await Promise.all([startOwnPostgres(), startTemporal()]);
  const url = await freshDatabase(postgres.url);
  db = await openPostgres({ url });
  await migrate(db);
  workerLedger = await openPostgres({ url, role: 'worker' });
  const stopping = withPoints(workerLedger, async (point) => {
    const here = stop;
    if (here?.at !== point) return;
    stop = null;
    here.reached();
    await here.over;
  });
  world = await supervised({ db, workerLedger: stopping, policies: POLICIES, address: temporal.address });
});
afterAll(async () => {
  await world?.stop();
  await Promise.all([db?.close(), workerLedger?.close()]);
  await Promise.all([postgres?.stop(), temporal?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function startTemporal(): Promise<void> {
  const { TEMPORAL_ADDRESS: _, ...env } = process.env;
  temporal = await ensureTemporalServer({ home: join(folder, 'temporal'), env, log: () => undefined });
}

const SERVERS = ['Postgres', 'Temporal'] as const;
async function crash(server: (typeof SERVERS)[number]): Promise<void> {
  if (server === 'Postgres') {
    await postgres.crash();
    return postgres.restart();
  }
  killTemporal(join(folder, 'temporal'));
  const { address } = temporal;
  await startTemporal();
  expect(temporal.address).toBe(address);
}

/** Has the next call stop at a point; resolves when it has come there, to what lets it go on. */
async function standing(at: Point): Promise<() => void> {
  let goOn: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (goOn = resolve));
  await new Promise<void>((reached) => {
    stop = { at, reached, over };
  });
  return goOn;
}

const told = async (run: RunId): Promise<unknown> => (await world.result<{ told: unknown[] }>(run)).told;
const phases = (run: RunId): readonly string[] => world.effects(run).map(({ phase }) => phase);
const returned = (text: string) => [{ kind: 'returned', value: { text } }];

/** One effect, in one attempt, of one step; nobody was asked, and the record is whole. */
async function expectOnce(run: RunId, holds: readonly object[] = []): Promise<void> {
  expect(phases(run)).toEqual(['begun', 'done']);
  expect((await world.run(run)).used).toMatchObject({ steps: 1 });
  expect(await world.holds(run)).toMatchObject(holds);
  expect((await verifyAudit(db, run)).brokenAt).toBeNull();
}

describe.each(SERVERS)('a kill -9 of %s', (server) => {
  it('while a run is held: the hold stands, and the effect happens once, when it is approved', async () => {
    const run = await world.start('once', { calls: [charge(`held over a crash of ${server}`)] });
    const [hold] = await world.held(run);
    await crash(server);
    expect(await world.held(run)).toEqual([hold]);
    expect(phases(run)).toEqual([]);
    await world.decide(hold?.id ?? '');
    expect(await told(run)).toEqual(returned(`held over a crash of ${server}`));
    await expectOnce(run, [{ state: { kind: 'granted' } }]);
  });

  it.each(['locked', 'committed', 'settled'] as const)('when a call is %s: it ends as if nothing had been', async (point) => {
    const text = `${point} in a crash of ${server}`;
    const [goOn, run] = await Promise.all([standing(point), world.start('once', { calls: [charge(text)] })]);
    await crash(server);
    goOn();
    expect(await told(run)).toEqual(returned(text));
    await expectOnce(run);
  });
});
