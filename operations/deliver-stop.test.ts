import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunId, Subject } from '../core/index.ts';
import { findRun, recordExecution } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { sampleRun } from '../test/sample-run.ts';
import { openFreshLedger, openTemporalLab, runAsk } from '../test/temporal-lab.ts';
import type { TemporalLab } from '../test/temporal-lab.ts';
import { pause } from './bell.ts';
import { createStopDeliverer } from './deliver-stop.ts';
import { describeExecution } from './executions.ts';
import { killRuns } from './kill.ts';
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

async function start(workflow: string, input: Parameters<typeof runAsk>[2] = null): Promise<RunId> {
  return (await startRun({ db, client: lab.client }, runAsk(lab, workflow, input))).run;
}

async function statusOf(workflowId: string): Promise<string> {
  const described = await describeExecution(lab.client, workflowId);
  return described.kind === 'known' ? described.status : 'missing';
}

/** Kills and delivers until it is done; gives how often it was tried. */
async function stop(run: RunId, grace = 500): Promise<number> {
  await killRuns({ db }, { runs: [run] }, { by: 'person:grace', reason: 'enough' });
  const deliverer = createStopDeliverer({ db, client: lab.client, grace });
  for (let tries = 1; ; tries += 1) {
    const subject: Subject = { kind: 'stop', subject: run, run, desired: 1, tries };
    const outcome = await deliverer.deliver(subject);
    if (outcome === 'done') return tries;
    expect(tries).toBeLessThan(40);
    await pause(outcome.againAfter, new AbortController().signal);
  }
}

describe('a stop', () => {
  it('cancels a workflow that heeds it, and closes the run as killed', async () => {
    const run = await start('waits');
    await stop(run);
    expect(await statusOf(run)).toBe('CANCELLED');
    expect(await findRun(db, run)).toMatchObject({ closed: 'killed', state: 'killed', fence: { reason: 'enough' } });
  });

  it('terminates after the grace what heeds no cancellation, and says why', async () => {
    const run = await start('stubborn');
    expect(await stop(run)).toBeGreaterThan(10);
    expect(await statusOf(run)).toBe('TERMINATED');
    await expect(lab.client.workflow.getHandle(run).result()).rejects.toMatchObject({ cause: { message: 'Killed: enough' } });
    expect((await findRun(db, run))?.closed).toBe('killed');
  });

  it('follows a root that continued as new', async () => {
    const run = await start('continues', 3);
    await stop(run);
    expect(await statusOf(run)).toBe('CANCELLED');
  });

  it('finds a child that outlives its parent and never asked for anything', async () => {
    const child = drawRunId();
    const run = await start('leavesChild', { workflowId: child, type: 'stubborn', wait: true });
    await expect.poll(() => statusOf(child), { timeout: 5_000 }).toBe('RUNNING');
    await stop(run);
    expect([await statusOf(run), await statusOf(child)]).toEqual(['CANCELLED', 'TERMINATED']);
  });

  it('ends a child that the ledger knows, and leaves another workflow that has taken its id alone', async () => {
    const run = await start('waits');
    const [mine, taken] = [drawRunId(), drawRunId()];
    for (const workflowId of [mine, taken]) {
      const { firstExecutionRunId: runId } = await lab.client.workflow.start('waits', { workflowId, taskQueue: lab.taskQueue, args: [] });
      await recordExecution(db, { workflowId, runId, firstRunId: runId, path: workflowId === mine ? '/1' : '/2', run });
    }
    await lab.client.workflow.getHandle(taken).signal('finish');
    await lab.client.workflow.getHandle(taken).result();
    await lab.client.workflow.start('waits', { workflowId: taken, taskQueue: lab.taskQueue, args: [] });
    await stop(run);
    expect([await statusOf(mine), await statusOf(taken)]).toEqual(['CANCELLED', 'RUNNING']);
    await lab.client.workflow.getHandle(taken).terminate();
  });

  it('has nothing to stop where the workflow never started', async () => {
    const run = await sampleRun(db);
    expect(await stop(run)).toBe(1);
    expect((await findRun(db, run))?.closed).toBe('killed');
  });
});
