import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HoldId, RunId, StepKey, Subject, Wake } from '../core/index.ts';
import { decideHold, recordExecution } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { ask, askHeld, heldRequest, sampleRequest, sampleRun, says } from '../test/sample-run.ts';
import { openFreshLedger, openTemporalLab, runAsk } from '../test/temporal-lab.ts';
import type { TemporalLab } from '../test/temporal-lab.ts';
import { createWakeDeliverer, wakeAgainAfter } from './deliver-wake.ts';
import { drawRunId } from './run-id.ts';
import { startRun } from './start.ts';

let lab: TemporalLab;
let db: Database;
beforeAll(async () => {
  lab = await openTemporalLab();
  db = await openFreshLedger();
});
afterAll(async () => {
  await Promise.all([lab.close(), db.close()]);
});

function wakes(workflowId: string): Promise<readonly Wake[]> {
  return lab.client.workflow.getHandle(workflowId).query<readonly Wake[]>('wakes');
}

function deliver(run: RunId, hold: HoldId) {
  const subject: Subject = { kind: 'wake', subject: hold, run, desired: 1, tries: 1 };
  return createWakeDeliverer({ db, client: lab.client }).deliver(subject);
}

async function startWaiting(): Promise<RunId> {
  return (await startRun({ db, client: lab.client }, runAsk(lab, 'waits'))).run;
}

async function startChildOf(run: RunId, path: string): Promise<string> {
  const workflowId = drawRunId();
  const child = await lab.client.workflow.start('waits', { workflowId, taskQueue: lab.taskQueue, args: [] });
  const runId = child.firstExecutionRunId;
  expect(await recordExecution(db, { workflowId, runId, firstRunId: runId, path, run })).toBe(true);
  return workflowId;
}

describe('a wake', () => {
  it('is a signal that names the call, and done once the gate has answered it', async () => {
    const run = await startWaiting();
    const request = heldRequest('/1');
    const hold = await askHeld(db, run, request);
    await decideHold(db, hold, says());
    expect(await deliver(run, hold)).toEqual({ againAfter: 1_000 });
    expect(await wakes(run)).toEqual([{ key: '/1' }]);
    expect(await ask(db, run, { ...request, token: 'next' })).toMatchObject({ kind: 'allow', grant: hold });
    expect(await deliver(run, hold)).toBe('done');
    expect(await wakes(run)).toHaveLength(1);
  });

  it('reaches the root and the newest execution that holds the call, and no other child', async () => {
    const run = await startWaiting();
    const earlier = await startChildOf(run, '/2');
    const newest = await startChildOf(run, '/2');
    const other = await startChildOf(run, '/3');
    const hold = await askHeld(db, run, heldRequest('/2/1'));
    await decideHold(db, hold, says());
    await deliver(run, hold);
    const key = '/2/1' as StepKey;
    expect(await Promise.all([run, newest, earlier, other].map(wakes))).toEqual([[{ key }], [{ key }], [], []]);
  });

  it('for a hold on the whole run reaches every execution, with no key', async () => {
    const run = await startWaiting();
    const children = [await startChildOf(run, '/2'), await startChildOf(run, '/3')];
    const breaker = await trip(run);
    await decideHold(db, breaker, says({ choice: 'raise', raise: { steps: 5 } }));
    await deliver(run, breaker);
    expect(await Promise.all([run, ...children].map(wakes))).toEqual([[{ key: null }], [{ key: null }], [{ key: null }]]);
  });

  it('is tried again later where the workflow is not there, or not yet', async () => {
    const run = await sampleRun(db);
    const hold = await askHeld(db, run, heldRequest('/1'));
    expect(await deliver(run, hold)).toEqual({ againAfter: 1_000 });
  });

  it('has nobody to reach where hold or run are unknown', async () => {
    expect(await deliver('run-nobody', 'hold-nobody')).toBe('done');
  });

  it('comes again after 1, 2, 4 … 30 seconds, and in the end every ten minutes', () => {
    expect([1, 2, 3, 4, 5, 6, 12, 13, 1_000].map(wakeAgainAfter)).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 600_000, 600_000,
    ]);
  });
});

/** Opens the breaker by asking for the same thing too often. */
async function trip(run: RunId): Promise<HoldId> {
  for (let n = 1; ; n += 1) {
    const verdict = await ask(db, run, sampleRequest(`/9${n}`, { args: { same: true } }));
    if (verdict.kind === 'hold') return verdict.hold.id;
    expect(n).toBeLessThan(20);
  }
}
