import { randomUUID } from 'node:crypto';
import { CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WITHDRAW_ACTIVITY } from '../core/index.ts';
import { deny, denial, retry } from '../test/workflows/scripted-gate.ts';
import { events, failureOf, holdFirst, startHarness } from '../test/workflows/waiting-room-harness.ts';
import type { Harness } from '../test/workflows/waiting-room-harness.ts';

let lab: Harness;

beforeAll(async () => {
  lab = await startHarness();
});

afterAll(() => lab.stop());

describe('a reset', () => {
  it('asks for the same calls under the same keys', async () => {
    const handle = await lab.start('steps', [2], ({ key }) => key);
    await handle.result();
    const [, , , firstTaskCompleted] = await events(handle);
    const workflowTaskFinishEventId = firstTaskCompleted!.eventId!;
    await lab.connection.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: handle.workflowId, runId: '' },
      workflowTaskFinishEventId,
      requestId: randomUUID(),
      reason: 'test',
    });
    expect(await lab.client.workflow.getHandle(handle.workflowId).result()).toEqual(['/1', '/2']);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', 'act /2', 'act /1', 'act /2']);
  });
});

describe('children and continued executions', () => {
  it('have keys under the path of the step that started them', async () => {
    const handle = await lab.start('parent', [], ({ key }) => key);
    expect(await handle.result()).toEqual(['/1', [['/2/1', '/2/2'], ['/3/1']], '/4']);
    expect(lab.gate.asks(handle.workflowId)[1]?.header).toMatchObject({ run: handle.workflowId });
    await lab.replays(handle);
  });

  it('count on over continue-as-new', async () => {
    const handle = await lab.start('continues', [3], holdFirst);
    const woken = (async () => {
      for (const asks of [1, 3, 5, 7, 9, 11]) {
        const { key } = (await lab.gate.asked(handle.workflowId, asks)).at(-1)!;
        await lab.wake(handle, key);
      }
    })();
    expect(await handle.result()).toBe('done');
    await woken;
    expect(lab.gate.lines(handle.workflowId)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6].map((step) => `act /${step}`));
  });

  it('are told of a denial in a child', async () => {
    const handle = await lab.start('deniedInChild', [], () => {
      throw deny();
    });
    expect(await handle.result()).toEqual(denial);
  });
});

describe('local activities', () => {
  it('wait as others do, each under one key', async () => {
    const handle = await lab.start('locals', [], holdFirst);
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    await lab.waiting(handle, 2);
    await lab.wake(handle, '/2');
    await lab.waiting(handle, 3);
    await lab.wake(handle, '/3');
    expect(await handle.result()).toEqual(['did /1', 'did /2', 'did /3']);
    expect(lab.gate.asks(handle.workflowId).map(({ key, local }) => `${key} ${local}`)).toEqual([
      '/1 true',
      '/1 true',
      '/2 true',
      '/2 true',
      '/3 false',
      '/3 false',
    ]);
    await lab.replays(handle);
  });

  it('are run again by the worker without taking another key', async () => {
    const handle = await lab.start('locals', [], ({ key, nth }) => {
      if (key === '/1' && nth < 3) throw retry();
      return key;
    });
    expect(await handle.result()).toEqual(['/1', '/2', '/3']);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', 'act /1', 'act /2', 'act /3']);
    await lab.replays(handle);
  });

  it('withdraw their hold when cancelled', async () => {
    const handle = await lab.start('locals', [], holdFirst);
    await lab.waiting(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await lab.replays(handle);
  });
});
