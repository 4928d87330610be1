import type { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { HEADER, WITHDRAW_ACTIVITY } from '../../core/index.ts';
import { LedgerError, listAudit } from '../../ledger/index.ts';
import type { Database } from '../../ledger/index.ts';
import { bench, HOLD, once, openLedger, payload, sample } from './gate.fixture.ts';
import type { Bench } from './gate.fixture.ts';
import { createGate, gateActivities } from './interceptor.ts';
import type { GateParts } from './parts.ts';

let ledger: Database;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

interface Scheduled {
  readonly type?: string;
  readonly header?: Payload | null;
  readonly local?: boolean;
  readonly standalone?: boolean;
  readonly attempt?: number;
}

/** Runs one activity through the gate as a worker would. */
function worker(world: Bench, rest: Partial<GateParts> = {}) {
  const parts: GateParts = {
    ...world.parts,
    describe: ({ runId }) => Promise.resolve({ firstRunId: runId, parent: null, workflow: 'w', taskQueue: 'q' }),
    ...rest,
  };
  const activities = gateActivities(parts.actions, parts.mode);
  const gate = createGate(parts);
  return async ({
    type = 'act',
    header = payload(world.who.header),
    local = false,
    standalone = false,
    attempt = 1,
  }: Scheduled = {}): Promise<unknown> => {
    const context = {
      info: { activityType: type, isLocal: local, attempt, ...(standalone ? {} : { workflowExecution: world.who.execution }) },
      cancellationSignal: new AbortController().signal,
      heartbeat: () => undefined,
      log: { info: () => undefined, warn: () => undefined },
    } as unknown as Context;
    const execute = gate(context).inbound?.execute?.bind(gate(context).inbound);
    const headers = header === null ? {} : { [HEADER]: header };
    return await execute?.(
      { args: [{}], headers },
      () => (activities[type] ?? activities['default'])?.() ?? Promise.reject(new Error('nothing')),
    );
  };
}

async function failureOf(running: Promise<unknown>): Promise<{ type: string; body: Record<string, unknown> }> {
  const error = await running.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApplicationFailure)) throw new Error(`expected a failure of the gate, got ${String(error)}`);
  return { type: error.type ?? '', body: (error.details?.[0] ?? {}) as Record<string, unknown> };
}

const rejections = async (): Promise<number> =>
  (await listAudit(ledger, 'installation', { after: 0, limit: 1_000 })).filter(({ text }) => text.includes('call.rejected')).length;

describe('an activity', () => {
  it('passes with the header of its own execution', async () => {
    await expect(worker(await bench(ledger, { act: sample() }))()).resolves.toBe('done');
  });

  it.each([
    ['without a header', { header: null }],
    [
      'with a header that is no JSON',
      { header: { metadata: { encoding: new Uint8Array(Buffer.from('json/plain')) }, data: new Uint8Array([255]) } },
    ],
    ['with a header in an unknown encoding', { header: { metadata: { encoding: new Uint8Array(Buffer.from('x')) } } }],
    ['with a header of another version', { header: payload({ v: 2 }) }],
    ['of no workflow', { standalone: true }],
  ])('%s is denied, and the installation’s audit says so', async (_, scheduled) => {
    const before = await rejections();
    const run = vi.fn(() => Promise.resolve('done'));
    const ask = worker(await bench(ledger, { act: sample({ run }) }));
    expect(await failureOf(ask(scheduled))).toMatchObject({ type: 'ActionDenied', body: { code: 'run_unknown' } });
    expect(run).not.toHaveBeenCalled();
    expect(await rejections()).toBe(before + 1);
  });

  it('that nobody declared is denied, also under the name of what every object has', async () => {
    const ask = worker(await bench(ledger, { act: sample() }));
    for (const type of ['nothing', 'default', 'toString', '__proto__']) {
      expect(await failureOf(ask({ type, header: null }))).toMatchObject({ type: 'ActionDenied' });
    }
    expect(await failureOf(ask({ type: 'nothing' }))).toMatchObject({ body: { code: 'action_undeclared' } });
  });

  it('that changes something may not run locally; one that reads may', async () => {
    const world = await bench(ledger, {
      act: sample(),
      read: sample({ annotations: { readOnly: true, destructive: false, idempotent: true, openWorld: false } }),
    });
    const ask = worker(world);
    expect(await failureOf(ask({ local: true }))).toMatchObject({ body: { code: 'not_read_only' } });
    expect(await failureOf(ask({ local: true, type: 'nothing' }))).toMatchObject({ body: { code: 'not_read_only' } });
    await expect(ask({ local: true, type: 'read' })).resolves.toBe('done');
  });

  it('that the configuration exempts passes without a record, and no declared action does anything that way', async () => {
    const world = await bench(ledger, { act: sample() });
    const ask = worker(world, { ungoverned: new Set(['act']) });
    await expect(ask({ header: null })).rejects.toThrow(/past the gate/);
    expect(await world.audit()).toHaveLength(1);
  });

  it('waits where Temporal cannot say whose it is, and where the ledger cannot', async () => {
    const world = await bench(ledger, { act: sample() });
    expect(await failureOf(worker(world, { describe: () => Promise.reject(new Error('UNAVAILABLE')) })())).toMatchObject({
      type: 'HoldpointLater',
      body: { reason: expect.stringMatching(/Temporal/) as string },
    });
    world.db.fail = () => new LedgerError('ledger_away', 'gone');
    expect(await failureOf(worker(world)())).toMatchObject({ type: 'HoldpointLater' });
  });

  it('is denied though the rejection cannot be recorded: nothing happened', async () => {
    const world = await bench(ledger, { act: sample() });
    world.db.fail = () => new LedgerError('ledger_away', 'gone');
    expect(await failureOf(worker(world)({ header: null }))).toMatchObject({ type: 'ActionDenied' });
  });
});

describe('the withdrawal of a cancelled wait', () => {
  it('ends the hold, once and again', async () => {
    const world = await bench(ledger, { act: sample() });
    world.ruling = HOLD;
    const ask = worker(world);
    expect(await failureOf(ask())).toMatchObject({ type: 'HoldpointHold' });
    await expect(ask({ type: WITHDRAW_ACTIVITY })).resolves.toBeNull();
    await expect(ask({ type: WITHDRAW_ACTIVITY })).resolves.toBeNull();
    expect((await world.holds()).map(({ state }) => state.kind)).toEqual(['withdrawn']);
  });

  it('is asked for again later while the ledger is away', async () => {
    const world = await bench(ledger, { act: sample() });
    const ask = worker(world);
    await ask();
    world.db.fail = once('ledger_busy');
    expect(await failureOf(ask({ type: WITHDRAW_ACTIVITY }))).toMatchObject({ type: 'HoldpointLater' });
    await expect(ask({ type: WITHDRAW_ACTIVITY })).resolves.toBeNull();
  });

  it('needs the header of its own execution like any other', async () => {
    expect(await failureOf(worker(await bench(ledger, { act: sample() }))({ type: WITHDRAW_ACTIVITY, header: null }))).toMatchObject({
      type: 'ActionDenied',
    });
  });
});
