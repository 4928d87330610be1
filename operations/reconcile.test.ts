import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { canonical, completeLimits } from '../core/index.ts';
import type { RunId, Wake } from '../core/index.ts';
import {
  bindNamespace,
  createRun,
  decideHold,
  findHold,
  findRun,
  migrate,
  openPostgres,
  recordExecution,
  recordStart,
} from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { describeLedgers, shiftClock } from '../test/ledgers.ts';
import { ask, askHeld, heldRequest, sampleRun, says } from '../test/sample-run.ts';
import { openFreshLedger, openTemporalLab, runAsk } from '../test/temporal-lab.ts';
import type { TemporalLab } from '../test/temporal-lab.ts';
import { createStopDeliverer } from './deliver-stop.ts';
import { createWakeDeliverer } from './deliver-wake.ts';
import { killRuns } from './kill.ts';
import { createReconciler } from './reconcile.ts';
import type { Reconciler } from './reconcile.ts';
import { drawRunId } from './run-id.ts';
import { startRun } from './start.ts';

const SOON = { timeout: 20_000, interval: 50 };

let lab: TemporalLab;
beforeAll(async () => {
  lab = await openTemporalLab();
});
afterAll(async () => {
  await lab.close();
});

const running: Reconciler[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((reconciler) => reconciler.stop()));
});

interface Setting {
  readonly client?: Client;
  readonly said?: string[];
  readonly startGrace?: number;
}

function reconcile(db: Database, { client = lab.client, said = [], startGrace = 60_000 }: Setting = {}): Reconciler {
  const log = { info: (message: string) => void said.push(message), warn: (message: string) => void said.push(message) };
  const deliverers = [createWakeDeliverer({ db, client }), createStopDeliverer({ db, client, grace: 500 })];
  const reconciler = createReconciler({ db, client, deliverers, log, startGrace });
  running.push(reconciler);
  reconciler.start();
  return reconciler;
}

async function closedAs(db: Database, run: RunId): Promise<string | null> {
  return (await findRun(db, run))?.closed ?? null;
}

describeLedgers('the reconciler', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  async function start(workflow: string, input: Parameters<typeof runAsk>[2] = null): Promise<RunId> {
    return (await startRun({ db, client: lab.client }, runAsk(lab, workflow, input))).run;
  }

  function wakes(run: RunId): Promise<readonly Wake[]> {
    return lab.client.workflow.getHandle(run).query<readonly Wake[]>('wakes');
  }

  it('wakes the workflow after a decision, and stops when the gate has answered', async () => {
    reconcile(db);
    const run = await start('waits');
    const request = heldRequest('/1');
    const hold = await askHeld(db, run, request);
    await decideHold(db, hold, says());
    await expect.poll(() => wakes(run), SOON).toEqual([{ key: '/1' }]);
    await ask(db, run, { ...request, token: 'next' });
    const deliveries = () => db.query('SELECT 1 FROM deliveries WHERE subject = $1 AND delivered < desired', [hold]);
    await expect.poll(deliveries, SOON).toEqual([]);
  });

  it('wakes again while nobody asks', async () => {
    reconcile(db);
    const run = await start('waits');
    const hold = await askHeld(db, run, heldRequest('/1'));
    await decideHold(db, hold, says());
    await expect.poll(async () => (await wakes(run)).length, SOON).toBeGreaterThanOrEqual(2);
  });

  it('kills: cancels, terminates and closes', async () => {
    const reconciler = reconcile(db);
    const [heeds, stubborn] = [await start('waits'), await start('stubborn')];
    await killRuns({ db, nudge: reconciler.nudge }, { runs: [heeds, stubborn] }, { by: 'person:grace', reason: 'enough' });
    await expect.poll(async () => [await closedAs(db, heeds), await closedAs(db, stubborn)], SOON).toEqual(['killed', 'killed']);
  });

  it('closes runs as their root ended, and leaves open those that go on', async () => {
    reconcile(db);
    const [done, failed, continued] = [await start('echoes', 1), await start('fails'), await start('continues', 2)];
    await expect.poll(async () => [await closedAs(db, done), await closedAs(db, failed)], SOON).toEqual(['succeeded', 'failed']);
    expect((await findRun(db, failed))?.closedReason).toBe('Its workflow failed: as asked');
    // Only the last of the chain answers.
    await expect.poll(() => wakes(continued), SOON).toEqual([]);
    expect(await closedAs(db, continued)).toBeNull();
    await lab.client.workflow.getHandle(continued).signal('finish');
    await expect.poll(() => closedAs(db, continued), SOON).toBe('succeeded');
  });

  it('closes a run with its last execution, not with its root', async () => {
    const child = drawRunId();
    const run = await start('leavesChild', { workflowId: child, type: 'waits', wait: false });
    await lab.client.workflow.getHandle(run).result();
    const { runId } = await lab.client.workflow.getHandle(child).describe();
    await recordExecution(db, { workflowId: child, runId, firstRunId: runId, path: '/1', run });
    const bystander = await start('echoes', 1);
    reconcile(db);
    await expect.poll(() => closedAs(db, bystander), SOON).toBe('succeeded');
    expect(await closedAs(db, run)).toBeNull();
    await lab.client.workflow.getHandle(child).signal('finish');
    await expect.poll(() => closedAs(db, run), SOON).toBe('succeeded');
  });

  it('records a start that nobody recorded, and closes one that never was', async () => {
    const run = drawRunId();
    const { agent, workflow, requesters, labels, taskQueue } = runAsk(lab, 'waits');
    const row = {
      id: run,
      agent,
      workflow,
      requesters,
      labels,
      workflowId: run,
      taskQueue,
      limits: completeLimits({}),
      input: canonical(null),
    };
    await createRun(db, row);
    const { firstExecutionRunId } = await lab.client.workflow.start('waits', { workflowId: run, taskQueue, args: [] });
    const never = await sampleRun(db);
    reconcile(db, { startGrace: 0 });
    await expect.poll(async () => (await findRun(db, run))?.firstRunId, SOON).toBe(firstExecutionRunId);
    await expect.poll(() => closedAs(db, never), SOON).toBe('failed');
    expect((await findRun(db, never))?.fencedAt).not.toBeNull();
    expect(await closedAs(db, run)).toBeNull();
  });

  it('closes a run that Temporal has forgotten', async () => {
    const run = await sampleRun(db);
    await recordStart(db, run, 'forgotten');
    reconcile(db);
    await expect.poll(() => closedAs(db, run), SOON).toBe('failed');
  });

  // Last: the clock does not go back.
  it('ends holds whose time is over, and wakes who waits', async () => {
    reconcile(db);
    const run = await start('waits');
    const hold = await askHeld(db, run, heldRequest('/1'));
    await shiftClock(db, 3_700_000);
    await expect.poll(async () => (await findHold(db, hold))?.state.kind, SOON).toBe('expired');
    await expect.poll(async () => (await wakes(run)).length, SOON).toBeGreaterThanOrEqual(1);
  });
});

describe('the reconciler in trouble', () => {
  it('closes nothing that is missing in another namespace, and says so once', async () => {
    const db = await openFreshLedger();
    await bindNamespace(db, 'another');
    const run = await sampleRun(db);
    await recordStart(db, run, 'elsewhere');
    const gone = await sampleRun(db);
    const { run: bystander } = await startRun({ db, client: lab.client }, runAsk(lab, 'echoes'));
    const said: string[] = [];
    const reconciler = reconcile(db, { said, startGrace: 0 });
    await expect.poll(() => closedAs(db, bystander), SOON).toBe('succeeded');
    await reconciler.stop();
    expect([await closedAs(db, run), await closedAs(db, gone)]).toEqual([null, null]);
    expect(said.filter((line) => line.includes('another Temporal namespace'))).toHaveLength(1);
    await db.close();
  });

  it('says once that Temporal is away, and is gone within a second although nothing answers', async () => {
    const silent = await silentServer();
    const connection = Connection.lazy({ address: `127.0.0.1:${(silent.address() as AddressInfo).port}`, connectTimeout: 500 });
    const client = new Client({ connection });
    const db = await openFreshLedger();
    const run = await sampleRun(db);
    await decideHold(db, await askHeld(db, run, heldRequest('/1')), says());
    const said: string[] = [];
    const reconciler = reconcile(db, { client, said });
    await expect.poll(() => said.length, SOON).toBeGreaterThanOrEqual(1);
    const began = performance.now();
    await reconciler.stop();
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(new Set(said).size).toBe(said.length);
    await connection.close();
    silent.close();
    await db.close();
  });

  it('carries on after every connection to the ledger was cut', async () => {
    const db = await openFreshLedger();
    const { run } = await startRun({ db, client: lab.client }, runAsk(lab, 'waits'));
    const hold = await askHeld(db, run, heldRequest('/1'));
    const { run: bystander } = await startRun({ db, client: lab.client }, runAsk(lab, 'echoes'));
    reconcile(db);
    await expect.poll(() => closedAs(db, bystander), SOON).toBe('succeeded');
    await db.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()');
    await expect.poll(async () => (await decideHold(db, hold, says()).catch(() => null))?.kind, SOON).toBeDefined();
    await expect.poll(() => lab.client.workflow.getHandle(run).query<readonly Wake[]>('wakes'), SOON).not.toEqual([]);
    await running.pop()?.stop();
    await db.close();
  });

  it('needs no more of the ledger than the role of a server', async () => {
    const owner = await openFreshLedger();
    const [here] = await owner.query<{ name: string }>('SELECT current_database() AS name');
    const server = await openPostgres({ url: databaseUrl(here?.name ?? ''), role: 'server' });
    const begin = async (type: string) => (await startRun({ db: server, client: lab.client }, runAsk(lab, type))).run;
    const [woken, killed, done] = [await begin('waits'), await begin('stubborn'), await begin('echoes')];
    const reconciler = reconcile(server, { startGrace: 0 });
    const hold = await askHeld(owner, woken, heldRequest('/1'));
    const never = await sampleRun(owner);
    await decideHold(server, hold, says());
    await killRuns({ db: server, nudge: reconciler.nudge }, { runs: [killed] }, { by: 'person:grace', reason: 'enough' });
    await expect.poll(() => lab.client.workflow.getHandle(woken).query<readonly Wake[]>('wakes'), SOON).not.toEqual([]);
    const ends = () => Promise.all([killed, done, never].map((run) => closedAs(server, run)));
    await expect.poll(ends, SOON).toEqual(['killed', 'succeeded', 'failed']);
    await running.pop()?.stop();
    await Promise.all([owner.close(), server.close()]);
  });

  it('never throws where the ledger is away', async () => {
    const db = await openFreshLedger();
    await db.close();
    const said: string[] = [];
    const reconciler = reconcile(db, { said, startGrace: 0 });
    await expect.poll(() => said.length, SOON).toBeGreaterThanOrEqual(3);
    await expect(reconciler.stop()).resolves.toBeUndefined();
    expect(new Set(said).size).toBe(said.length);
  });
});

function databaseUrl(name: string): string {
  const url = new URL(process.env['HOLDPOINT_TEST_POSTGRES'] ?? '');
  url.pathname = `/${name}`;
  return url.href;
}

/** Takes connections and never answers. */
async function silentServer(): Promise<Server> {
  const server = createServer((socket) => socket.unref().on('error', () => undefined)).unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
