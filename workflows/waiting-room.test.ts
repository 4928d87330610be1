import type { WorkflowHandle } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EDITED_KEY, GOVERNED_ACTIVITY_OPTIONS, WAKE_SIGNAL, WITHDRAW_ACTIVITY } from '../core/index.ts';
import { deny, denial, fenced, hold, later, retry } from '../test/workflows/scripted-gate.ts';
import type { Script } from '../test/workflows/scripted-gate.ts';
import { events, failureOf, holdFirst, names, startHarness } from '../test/workflows/waiting-room-harness.ts';
import type { Harness } from '../test/workflows/waiting-room-harness.ts';

let lab: Harness;

beforeAll(async () => {
  lab = await startHarness();
});

afterAll(() => lab.stop());

describe('the allowed path', () => {
  it('has the same history with the waiting room as without it', async () => {
    const script: Script = ({ args }) => args[0];
    const [governed, raw] = await Promise.all([
      lab.start('steps', [4], script),
      lab.start('steps', [4], script, { queue: lab.queues.plain }),
    ]);
    expect(await Promise.all([governed.result(), raw.result()])).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(names(await events(governed))).toEqual(names(await events(raw)));
    expect(await events(governed)).toHaveLength(6 * 4 + 5);
    expect(lab.gate.lines(governed.workflowId)).toEqual(['act /1', 'act /2', 'act /3', 'act /4']);
    expect(lab.gate.asks(raw.workflowId).every(({ header }) => header === undefined)).toBe(true);
  });

  it('says in the header which call of which run it is, and sets the time-outs', async () => {
    const handle = await lab.start('steps', [1], () => null);
    await handle.result();
    const [ask] = lab.gate.asks(handle.workflowId);
    expect(ask?.header).toEqual({ v: 1, run: handle.workflowId, path: '', key: '/1' });
    expect(ask).toMatchObject({
      startToClose: GOVERNED_ACTIVITY_OPTIONS.startToCloseTimeout,
      heartbeat: GOVERNED_ACTIVITY_OPTIONS.heartbeatTimeout,
    });
    const scheduled = (await events(handle)).find(({ activityTaskScheduledEventAttributes }) => activityTaskScheduledEventAttributes);
    // Without limits of their own, the server writes 0 or the execution's; and it knows of no most attempts.
    expect(scheduled?.activityTaskScheduledEventAttributes).toMatchObject({
      scheduleToCloseTimeout: { seconds: { low: 0 } },
      retryPolicy: { maximumAttempts: 0 },
    });
  });

  it('lets Temporal run an activity again under the same key', async () => {
    const handle = await lab.start('steps', [2], ({ nth }) => {
      if (nth < 3) throw retry();
      return nth;
    });
    expect(await handle.result()).toEqual([3, 3]);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', 'act /1', 'act /2', 'act /2', 'act /2']);
  });
});

describe('a held call', () => {
  it('waits for its wake, and is asked again under the same key', async () => {
    const handle = await lab.start('steps', [2], holdFirst);
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    await lab.waiting(handle, 2);
    await lab.wake(handle, '/2');
    expect(await handle.result()).toEqual(['did /1', 'did /2']);
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', 'act /2', 'act /2']);
    await lab.replays(handle);
  });

  it('is asked again when the time for it has come', async () => {
    const handle = await lab.start('steps', [1], ({ nth }) => {
      if (nth < 4) throw hold(nth === 1 ? 0 : 20);
      return nth;
    });
    expect(await handle.result()).toEqual([4]);
    await lab.replays(handle);
  });

  it('is asked again at once where the wake came before the refusal did', async () => {
    const handle: WorkflowHandle = await lab.start('steps', [1], async ({ nth }) => {
      if (nth > 1) return 'woken';
      await lab.wake(handle, '/1');
      throw hold();
    });
    expect(await handle.result()).toEqual(['woken']);
    expect(names(await events(handle))).not.toContain('EVENT_TYPE_TIMER_STARTED');
    await lab.replays(handle);
  });

  it('is not woken by what is meant for another call, or means nothing', async () => {
    const handle = await lab.start('steps', [1], holdFirst);
    await lab.waiting(handle);
    for (const argument of [{ key: '/2' }, { key: 7 }, {}, null, 'text']) await handle.signal(WAKE_SIGNAL, argument);
    await handle.signal(WAKE_SIGNAL);
    await lab.until(handle, 'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED', 6);
    await lab.wake(handle, '/1');
    await handle.result();
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1']);
    await lab.replays(handle);
  });

  it('waits again where the gate still holds it', async () => {
    const handle = await lab.start('steps', [1], ({ nth }) => {
      if (nth < 3) throw hold();
      return nth;
    });
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    await lab.waiting(handle, 2);
    await lab.wake(handle, null);
    expect(await handle.result()).toEqual([3]);
    await lab.replays(handle);
  });

  it('keeps the activity id that its author chose', async () => {
    const handle = await lab.start('namedActivity', [], holdFirst);
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    expect(await handle.result()).toBe('did /1');
    expect(lab.gate.asks(handle.workflowId).map(({ activityId }) => activityId)).toEqual(['mine', 'mine']);
    await lab.replays(handle);
  });

  it('is denied with the reason that a person gave', async () => {
    const handle = await lab.start('denied', [], ({ nth }) => {
      throw nth === 1 ? hold() : deny();
    });
    await lab.waiting(handle);
    await lab.wake(handle, '/1');
    expect(await handle.result()).toMatchObject({ denial, failure: null });
    await lab.replays(handle);
  });
});

describe('parallel branches', () => {
  it('wait for themselves, each under its own key', async () => {
    const handle = await lab.start('both', [], holdFirst);
    await lab.waiting(handle, 2);
    await lab.wake(handle, '/2');
    await lab.gate.asked(handle.workflowId, 3);
    await lab.wake(handle, '/1');
    expect(await handle.result()).toEqual(['did /1', 'did /2']);
    expect(lab.gate.lines(handle.workflowId).slice(2)).toEqual(['act /2', 'act /1']);
    expect(
      lab.gate
        .asks(handle.workflowId)
        .map(({ args, key }) => `${String(args[0])} ${key}`)
        .toSorted(),
    ).toEqual(['a /1', 'a /1', 'b /2', 'b /2']);
    await lab.replays(handle);
  });

  it('are all woken by a wake of the whole run', async () => {
    const handle = await lab.start('both', [], holdFirst);
    await lab.waiting(handle, 2);
    await lab.wake(handle, null);
    expect(await handle.result()).toEqual(['did /1', 'did /2']);
    await lab.replays(handle);
  });

  it('withdraw every hold when the run is cancelled', async () => {
    const handle = await lab.start('both', [], holdFirst);
    await lab.waiting(handle, 2);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(lab.gate.lines(handle.workflowId).slice(2).toSorted()).toEqual([`${WITHDRAW_ACTIVITY} /1`, `${WITHDRAW_ACTIVITY} /2`]);
    await lab.replays(handle);
  });
});

describe('other answers', () => {
  it('Later sleeps and asks again', async () => {
    const handle = await lab.start('steps', [1], ({ nth }) => {
      if (nth === 1) throw later(30);
      if (nth === 2) throw hold(10);
      if (nth === 3) throw later(0);
      return nth;
    });
    expect(await handle.result()).toEqual([4]);
    expect(lab.gate.lines(handle.workflowId)).toEqual(Array.from({ length: 4 }, () => 'act /1'));
    await lab.replays(handle);
  });

  it('Fenced blocks for ever, cancellation included, until the run is terminated', async () => {
    const handle = await lab.start('stubborn', [], () => {
      throw fenced();
    });
    await lab.until(handle, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED', 2);
    await handle.cancel();
    await lab.until(handle, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED', 3);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    expect(names(await events(handle)).at(-1)).toBe('EVENT_TYPE_WORKFLOW_TASK_COMPLETED');
    const history = await handle.fetchHistory();
    await handle.terminate('killed');
    expect((await handle.describe()).status.name).toBe('TERMINATED');
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1']);
    await Worker.runReplayHistory({ workflowBundle: lab.bundle }, history, handle.workflowId);
  });

  it('a final failure reaches the workflow as the SDK made it', async () => {
    const handle = await lab.start('steps', [1], () => {
      throw ApplicationFailure.nonRetryable('no route', 'ActionFailed', { action: 'act', message: 'no route' });
    });
    const failure = await failureOf(handle);
    expect(failure).toBeInstanceOf(ActivityFailure);
    expect((failure as ActivityFailure).cause).toMatchObject({ type: 'ActionFailed', details: [{ action: 'act', message: 'no route' }] });
    expect(lab.gate.lines(handle.workflowId)).toEqual(['act /1']);
  });

  it('a result after an edit is unwrapped, and the workflow can see the edit', async () => {
    const note = { key: '/2', by: 'person:ada', changes: { tag: 'v2' } };
    const handle = await lab.start('edited', [], ({ key }) => {
      if (key === '/2') return { [EDITED_KEY]: note, result: { ref: 'v2' } };
      return key === '/3' ? { [EDITED_KEY]: null, result: { [EDITED_KEY]: 'its own' } } : { plain: true };
    });
    expect(await handle.result()).toEqual({ results: [{ plain: true }, { ref: 'v2' }, { [EDITED_KEY]: 'its own' }], edits: [note] });
    await lab.replays(handle);
  });
});
