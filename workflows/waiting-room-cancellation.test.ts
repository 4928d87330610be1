import type { WorkflowHandle } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WITHDRAW_ACTIVITY } from '../core/index.ts';
import { deny, hold, later } from '../test/workflows/scripted-gate.ts';
import { failureOf, holdFirst, startHarness } from '../test/workflows/waiting-room-harness.ts';
import type { Harness } from '../test/workflows/waiting-room-harness.ts';

let lab: Harness;

beforeAll(async () => {
  lab = await startHarness();
});

afterAll(() => lab.stop());

describe('cancelling', () => {
  it('a call that waits withdraws its hold', async () => {
    const handle = await lab.start('steps', [1], holdFirst);
    await lab.waiting(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    const asks = lab.gate.asks(handle.workflowId);
    expect(asks.map(({ type }) => type)).toEqual(['act', WITHDRAW_ACTIVITY]);
    expect(asks[1]?.header).toEqual(asks[0]?.header);
    expect(asks[1]?.args).toEqual([]);
    await lab.replays(handle);
  });

  it('a branch withdraws its hold, and the run goes on with the next key', async () => {
    const handle = await lab.start('cancelsOne', [], holdFirst);
    await lab.waiting(handle);
    await handle.signal('go');
    await lab.waiting(handle, 2);
    await lab.wake(handle, '/2');
    expect(await handle.result()).toEqual(['cancelled', 'did /2']);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`, 'act /2', 'act /2']);
    await lab.replays(handle);
  });

  it('a call that is being held at that moment withdraws the hold', async () => {
    const handle: WorkflowHandle = await lab.start('steps', [1], async ({ type }) => {
      if (type === WITHDRAW_ACTIVITY) return null;
      await handle.cancel();
      throw hold();
    });
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await lab.replays(handle);
  });

  it('a granted effect reaches it, and nothing is lost', async () => {
    const handle = await lab.start('steps', [1], async ({ type, nth, context }) => {
      if (type === WITHDRAW_ACTIVITY) return null;
      if (nth === 1) throw hold();
      const beat = setInterval(() => context.heartbeat(), 50);
      return await context.cancelled.finally(() => clearInterval(beat));
    });
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    await lab.gate.asked(handle.workflowId, 2);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await lab.replays(handle);
  });

  it('an effect that ends all the same gives its result to the workflow', async () => {
    const handle: WorkflowHandle = await lab.start('steps', [1], async ({ nth }) => {
      if (nth === 1) throw hold();
      await handle.cancel();
      return 'done';
    });
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    expect(await handle.result()).toEqual(['done']);
    await lab.replays(handle);
  });

  it('by a time-out of the author withdraws as well', async () => {
    const handle = await lab.start('timesOut', [], holdFirst);
    expect(await handle.result()).toBe('timed out');
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await lab.replays(handle);
  });

  it('is tried again while the ledger is away, and given up where it cannot be', async () => {
    const handle = await lab.start('steps', [1], ({ type, nth }) => {
      if (type !== WITHDRAW_ACTIVITY) throw hold();
      throw nth === 1 ? later(10) : deny();
    });
    await lab.waiting(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`, `${WITHDRAW_ACTIVITY} /1`]);
    await lab.replays(handle);
  });
});

describe('an execution that ends while a call of it waits', () => {
  it.each(['return', 'continue'])('withdraws the hold: %s', async (how) => {
    const handle = await lab.start('abandons', [how], (ask) => (ask.key === '/1' ? holdFirst(ask) : 'next'));
    await lab.waiting(handle);
    await handle.signal('go');
    expect(await handle.result()).toEqual(how === 'return' ? 'returned' : ['next']);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`, ...(how === 'return' ? [] : ['act /2'])]);
  });

  it('keeps the hold where only a workflow task failed, since corrected code goes on from there', async () => {
    const handle = await lab.start('buggy', [], holdFirst);
    await lab.waiting(handle);
    await handle.signal('go');
    await lab.until(handle, 'EVENT_TYPE_WORKFLOW_TASK_FAILED');
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1']);
    await handle.terminate();
  });
});
