import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HEADER } from '../core/index.ts';
import type { Json } from '../core/index.ts';
import { findRun, listRuns, migrate } from '../ledger/index.ts';
import type { Database } from '../ledger/index.ts';
import { describeLedgers } from '../test/ledgers.ts';
import { openFreshLedger, openTemporalLab, runAsk } from '../test/temporal-lab.ts';
import type { TemporalLab } from '../test/temporal-lab.ts';
import { drawRunId } from './run-id.ts';
import { MAX_INPUT_BYTES, startRun } from './start.ts';

let lab: TemporalLab;
beforeAll(async () => {
  lab = await openTemporalLab();
});
afterAll(async () => {
  await lab.close();
});

describeLedgers('starting a run', (open) => {
  let db: Database;
  beforeAll(async () => {
    db = await open();
    await migrate(db);
  });

  it('has a row and a workflow of the same name, and knows the first run id', async () => {
    const { run, firstRunId } = await startRun({ db, client: lab.client }, runAsk(lab, 'echoes', { tag: 'v1' }));
    expect(run).toMatch(/^run-[a-z2-7]{26}$/);
    expect(await lab.client.workflow.getHandle(run).result()).toEqual({ tag: 'v1' });
    expect(await findRun(db, run)).toMatchObject({
      firstRunId,
      workflowId: run,
      agent: 'release-bot',
      workflow: 'echoes',
      requesters: ['person:ada'],
      labels: { team: 'core' },
      input: '{"tag":"v1"}',
    });
  });

  it('carries the run header, the own task queue listed once, and nothing else that could be read', async () => {
    const { run } = await startRun({ db, client: lab.client }, { ...runAsk(lab, 'echoes'), queues: ['effects', lab.taskQueue] });
    const { events } = await lab.client.workflow.getHandle(run).fetchHistory();
    const started = events?.[0]?.workflowExecutionStartedEventAttributes;
    expect(Object.keys(started?.header?.fields ?? {})).toEqual([HEADER]);
    const payload = started?.header?.fields?.[HEADER];
    expect(payload && defaultPayloadConverter.fromPayload(payload)).toEqual({
      v: 1,
      run,
      path: '',
      next: 1,
      queues: [lab.taskQueue, 'effects'],
      ungoverned: [],
      mode: 'enforce',
    });
    expect(started?.memo ?? null).toBeNull();
  });

  it('leaves a client that somebody else uses as it was', async () => {
    const workflowId = drawRunId();
    await lab.client.workflow.execute('echoes', { workflowId, taskQueue: lab.taskQueue, args: [1] });
    const { events } = await lab.client.workflow.getHandle(workflowId).fetchHistory();
    expect(events?.[0]?.workflowExecutionStartedEventAttributes?.header?.fields ?? {}).toEqual({});
  });

  it('refuses an input above 2 MB, and what JSON cannot say, before there is a run', async () => {
    const before = (await listRuns(db, {}, { limit: 100 })).items.length;
    const large = { text: 'x'.repeat(MAX_INPUT_BYTES) };
    await expect(startRun({ db, client: lab.client }, runAsk(lab, 'echoes', large))).rejects.toMatchObject({
      name: 'Refusal',
      code: 'payload_too_large',
    });
    const broken = { count: Number.NaN } as Json;
    await expect(startRun({ db, client: lab.client }, runAsk(lab, 'echoes', broken))).rejects.toMatchObject({
      code: 'json_unrepresentable',
    });
    expect((await listRuns(db, {}, { limit: 100 })).items.length).toBe(before);
  });

  it('takes an input of just under the limit', async () => {
    const input = { text: 'x'.repeat(MAX_INPUT_BYTES - 20) };
    const { run } = await startRun({ db, client: lab.client }, runAsk(lab, 'fails', input));
    expect((await findRun(db, run))?.closed).toBeNull();
  });

  it('closes the run as failed and says why where Temporal refuses', async () => {
    const client = new Client({ connection: lab.client.connection, namespace: 'no-such-namespace' });
    const refusal: unknown = await startRun({ db, client }, runAsk(lab, 'echoes')).catch((error: unknown) => error);
    expect(refusal).toMatchObject({
      name: 'Refusal',
      kind: 'refused',
      code: 'start_refused',
      message: expect.stringContaining('no-such-namespace') as string,
    });
    const { run } = (refusal as { data: { run: string } }).data;
    expect(await findRun(db, run)).toMatchObject({ closed: 'failed', fencedAt: null });
  });

  it('closes and fences the run where Temporal does not answer, since the start may still be on its way', async () => {
    const connection = Connection.lazy({ address: '127.0.0.1:1' });
    const client = new Client({ connection });
    const refusal: unknown = await startRun({ db, client, within: 300 }, runAsk(lab, 'echoes')).catch((error: unknown) => error);
    await connection.close();
    expect(refusal).toMatchObject({ name: 'Refusal', kind: 'unreachable', code: 'temporal_unavailable' });
    const { run } = (refusal as { data: { run: string } }).data;
    expect(await findRun(db, run)).toMatchObject({ closed: 'failed', fencedAt: expect.any(Number) as number });
  });

  it('asked twice with the same id starts one workflow', async () => {
    const ask = { ...runAsk(lab, 'waits'), id: drawRunId() };
    const [first, second] = await Promise.all([startRun({ db, client: lab.client }, ask), startRun({ db, client: lab.client }, ask)]);
    expect(second).toEqual(first);
    expect(await startRun({ db, client: lab.client }, ask)).toEqual(first);
  });

  it('does not start what was closed before it began', async () => {
    const ask = { ...runAsk(lab, 'echoes'), id: drawRunId() };
    const client = new Client({ connection: lab.client.connection, namespace: 'no-such-namespace' });
    await expect(startRun({ db, client }, ask)).rejects.toMatchObject({ code: 'start_refused' });
    await expect(startRun({ db, client: lab.client }, ask)).rejects.toMatchObject({
      name: 'Refusal',
      kind: 'conflict',
      code: 'run_closed',
    });
    expect((await findRun(db, ask.id))?.firstRunId).toBeNull();
  });
});

describe('starting a run without a ledger', () => {
  it('starts nothing, and says that the ledger is away', async () => {
    const closed = await openFreshLedger();
    await closed.close();
    const started = startRun({ db: closed, client: lab.client }, runAsk(lab, 'echoes'));
    await expect(started).rejects.toMatchObject({ name: 'Refusal', kind: 'unreachable', code: 'ledger_away' });
  });
});

describe('a drawn run id', () => {
  it('has 130 random bits in base32', () => {
    const drawn = new Set(Array.from({ length: 1_000 }, drawRunId));
    expect(drawn.size).toBe(1_000);
    for (const id of drawn) expect(id).toMatch(/^run-[a-z2-7]{26}$/);
  });
});
