import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection, WorkflowFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, CancelledFailure, defaultPayloadConverter } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import { DefaultLogger, NativeConnection, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import type { WorkflowBundle } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EDITED_KEY, GOVERNED_ACTIVITY_OPTIONS, HEADER, WAITING_ROOM_MARKER, WAKE_SIGNAL, WITHDRAW_ACTIVITY } from '../core/index.ts';
import type { RunHeader } from '../core/index.ts';
import { deny, denial, fenced, hold, later, retry, scriptedGate } from '../test/workflows/scripted-gate.ts';
import type { Script } from '../test/workflows/scripted-gate.ts';

const { EventType } = temporal.api.enums.v1;
const QUEUE = `waiting-room-${randomUUID()}`;
const PLAIN = `${QUEUE}-plain`;
const ELSEWHERE = `${QUEUE}-elsewhere`;
const WORKFLOWS = join(import.meta.dirname, '../test/workflows/waiting-room.ts');

const gate = scriptedGate();
let connection: NativeConnection;
let clientConnection: Connection;
let client: Client;
let bundle: WorkflowBundle;
let plainBundle: WorkflowBundle;
const workers: { readonly worker: Worker; readonly done: Promise<void> }[] = [];

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { forward: {}, filter: 'ERROR' } } });
  const address = process.env['HOLDPOINT_TEST_TEMPORAL'] ?? '';
  [connection, clientConnection] = await Promise.all([NativeConnection.connect({ address }), Connection.connect({ address })]);
  client = new Client({
    connection: clientConnection,
    interceptors: {
      workflow: [
        {
          start(input, next) {
            const run = input.options.workflowId;
            const header: RunHeader = { v: 1, run, path: '', next: 1, queues: [PLAIN] };
            const headers = { ...input.headers, [HEADER]: defaultPayloadConverter.toPayload(header) };
            return next(run.startsWith('bare-') ? input : { ...input, headers });
          },
        },
      ],
    },
  });
  const logger = new DefaultLogger('ERROR');
  bundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, workflowInterceptorModules: [join(import.meta.dirname, 'waiting-room.ts')], logger });
  plainBundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger });
  const act = async () => undefined;
  const activities = { act, 'git.log': act, 'git.remote.push': act, [WITHDRAW_ACTIVITY]: act };
  for (const [taskQueue, workflowBundle] of [[QUEUE, bundle], [PLAIN, plainBundle]] as const) {
    const worker = await Worker.create({
      connection, taskQueue, workflowBundle, activities,
      interceptors: { activity: [gate.interceptor] },
      maxHeartbeatThrottleInterval: 100,
      shutdownGraceTime: 0,
      shutdownForceTime: 2_000,
    });
    workers.push({ worker, done: worker.run() });
  }
});

afterAll(async () => {
  for (const { worker } of workers) worker.shutdown();
  await Promise.all(workers.map(({ done }) => done));
  await Promise.all([connection.close(), clientConnection.close()]);
});

/** Starts a run that the script answers. */
async function start(workflow: string, args: unknown[], script: Script, options: { bare?: boolean; queue?: string } = {}): Promise<WorkflowHandle> {
  const workflowId = `${options.bare === true ? 'bare' : 'run'}-${randomUUID()}`;
  gate.script(workflowId, script);
  return await client.workflow.start(workflow, { workflowId, args, taskQueue: options.queue ?? QUEUE });
}

type Event = temporal.api.history.v1.IHistoryEvent;

async function events(handle: WorkflowHandle): Promise<readonly Event[]> {
  return (await handle.fetchHistory()).events ?? [];
}

function names(list: readonly Event[]): readonly string[] {
  return list.map(({ eventType }) => EventType[eventType ?? 0] ?? '');
}

/** Waits, without a clock, until the history has this many events of a type. */
async function until(handle: WorkflowHandle, type: keyof typeof EventType, times = 1): Promise<void> {
  const execution = { workflowId: handle.workflowId };
  let nextPageToken: Uint8Array | undefined;
  for (let found = 0; found < times; ) {
    const page = await clientConnection.workflowService.getWorkflowExecutionHistory({
      namespace: 'default', execution, waitNewEvent: true, ...(nextPageToken === undefined ? {} : { nextPageToken }),
    });
    found += names(page.history?.events ?? []).filter((name) => name === type).length;
    nextPageToken = page.nextPageToken;
    if (found < times && nextPageToken.length === 0) throw new Error(`The run ended before ${times} × ${type}.`);
  }
}

const waiting = (handle: WorkflowHandle, times = 1) => until(handle, 'EVENT_TYPE_TIMER_STARTED', times);
const wake = (handle: WorkflowHandle, key: string | null) => handle.signal(WAKE_SIGNAL, { key });

async function replays(handle: WorkflowHandle): Promise<void> {
  await Worker.runReplayHistory({ workflowBundle: bundle }, await handle.fetchHistory(), handle.workflowId);
}

async function failureOf(handle: WorkflowHandle): Promise<unknown> {
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  return error instanceof WorkflowFailedError ? error.cause : error;
}

/** Holds what a key asks first, and answers afterwards. */
const holdFirst: Script = ({ nth, key, type }) => {
  if (nth === 1 && type !== WITHDRAW_ACTIVITY) throw hold();
  return `did ${key}`;
};

describe('the allowed path', () => {
  it('has the same history with the waiting room as without it', async () => {
    const script: Script = ({ args }) => args[0];
    const [governed, raw] = await Promise.all([start('steps', [4], script), start('steps', [4], script, { queue: PLAIN })]);
    expect(await Promise.all([governed.result(), raw.result()])).toEqual([[1, 2, 3, 4], [1, 2, 3, 4]]);
    expect(names(await events(governed))).toEqual(names(await events(raw)));
    expect(await events(governed)).toHaveLength(6 * 4 + 5);
    expect(gate.lines(governed.workflowId)).toEqual(['act /1', 'act /2', 'act /3', 'act /4']);
    expect(gate.asks(raw.workflowId).every(({ header }) => header === undefined)).toBe(true);
  });

  it('says in the header which call of which run it is, and sets the time-outs', async () => {
    const handle = await start('steps', [1], () => null);
    await handle.result();
    const [ask] = gate.asks(handle.workflowId);
    expect(ask?.header).toEqual({ v: 1, run: handle.workflowId, path: '', key: '/1' });
    expect(ask).toMatchObject({ startToClose: GOVERNED_ACTIVITY_OPTIONS.startToCloseTimeout, heartbeat: GOVERNED_ACTIVITY_OPTIONS.heartbeatTimeout });
    const scheduled = (await events(handle)).find(({ activityTaskScheduledEventAttributes }) => activityTaskScheduledEventAttributes);
    // Without limits of their own, the server writes 0 or the execution's; and it knows of no most attempts.
    expect(scheduled?.activityTaskScheduledEventAttributes).toMatchObject({ scheduleToCloseTimeout: { seconds: { low: 0 } }, retryPolicy: { maximumAttempts: 0 } });
  });

  it('lets Temporal run an activity again under the same key', async () => {
    const handle = await start('steps', [2], ({ nth }) => {
      if (nth < 3) throw retry();
      return nth;
    });
    expect(await handle.result()).toEqual([3, 3]);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', 'act /1', 'act /2', 'act /2', 'act /2']);
  });
});

describe('a held call', () => {
  it('waits for its wake, and is asked again under the same key', async () => {
    const handle = await start('steps', [2], holdFirst);
    await waiting(handle);
    await wake(handle, '/1');
    await waiting(handle, 2);
    await wake(handle, '/2');
    expect(await handle.result()).toEqual(['did /1', 'did /2']);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', 'act /2', 'act /2']);
    await replays(handle);
  });

  it('is asked again when the time for it has come', async () => {
    const handle = await start('steps', [1], ({ nth }) => {
      if (nth < 4) throw hold(nth === 1 ? 0 : 20);
      return nth;
    });
    expect(await handle.result()).toEqual([4]);
    await replays(handle);
  });

  it('is asked again at once where the wake came before the refusal did', async () => {
    const handle: WorkflowHandle = await start('steps', [1], async ({ nth }) => {
      if (nth > 1) return 'woken';
      await wake(handle, '/1');
      throw hold();
    });
    expect(await handle.result()).toEqual(['woken']);
    expect(names(await events(handle))).not.toContain('EVENT_TYPE_TIMER_STARTED');
    await replays(handle);
  });

  it('is not woken by what is meant for another call, or means nothing', async () => {
    const handle = await start('steps', [1], holdFirst);
    await waiting(handle);
    for (const argument of [{ key: '/2' }, { key: 7 }, {}, null, 'text']) await handle.signal(WAKE_SIGNAL, argument);
    await handle.signal(WAKE_SIGNAL);
    await until(handle, 'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED', 6);
    await wake(handle, '/1');
    await handle.result();
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1']);
    await replays(handle);
  });

  it('waits again where the gate still holds it', async () => {
    const handle = await start('steps', [1], ({ nth }) => {
      if (nth < 3) throw hold();
      return nth;
    });
    await waiting(handle);
    await wake(handle, '/1');
    await waiting(handle, 2);
    await wake(handle, null);
    expect(await handle.result()).toEqual([3]);
    await replays(handle);
  });

  it('keeps the activity id that its author chose', async () => {
    const handle = await start('namedActivity', [], holdFirst);
    await waiting(handle);
    await wake(handle, '/1');
    expect(await handle.result()).toBe('did /1');
    expect(gate.asks(handle.workflowId).map(({ activityId }) => activityId)).toEqual(['mine', 'mine']);
    await replays(handle);
  });

  it('is denied with the reason that a person gave', async () => {
    const handle = await start('denied', [], ({ nth }) => {
      throw nth === 1 ? hold() : deny();
    });
    await waiting(handle);
    await wake(handle, '/1');
    expect(await handle.result()).toMatchObject({ denial, failure: null });
    await replays(handle);
  });
});

describe('parallel branches', () => {
  it('wait for themselves, each under its own key', async () => {
    const handle = await start('both', [], holdFirst);
    await waiting(handle, 2);
    await wake(handle, '/2');
    await gate.asked(handle.workflowId, 3);
    await wake(handle, '/1');
    expect(await handle.result()).toEqual(['did /1', 'did /2']);
    expect(gate.lines(handle.workflowId).slice(2)).toEqual(['act /2', 'act /1']);
    expect(gate.asks(handle.workflowId).map(({ args, key }) => `${String(args[0])} ${key}`).toSorted()).toEqual(['a /1', 'a /1', 'b /2', 'b /2']);
    await replays(handle);
  });

  it('are all woken by a wake of the whole run', async () => {
    const handle = await start('both', [], holdFirst);
    await waiting(handle, 2);
    await wake(handle, null);
    expect(await handle.result()).toEqual(['did /1', 'did /2']);
    await replays(handle);
  });

  it('withdraw every hold when the run is cancelled', async () => {
    const handle = await start('both', [], holdFirst);
    await waiting(handle, 2);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(gate.lines(handle.workflowId).slice(2).toSorted()).toEqual([`${WITHDRAW_ACTIVITY} /1`, `${WITHDRAW_ACTIVITY} /2`]);
    await replays(handle);
  });
});

describe('cancelling', () => {
  it('a call that waits withdraws its hold', async () => {
    const handle = await start('steps', [1], holdFirst);
    await waiting(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    const asks = gate.asks(handle.workflowId);
    expect(asks.map(({ type }) => type)).toEqual(['act', WITHDRAW_ACTIVITY]);
    expect(asks[1]?.header).toEqual(asks[0]?.header);
    expect(asks[1]?.args).toEqual([]);
    await replays(handle);
  });

  it('a branch withdraws its hold, and the run goes on with the next key', async () => {
    const handle = await start('cancelsOne', [], holdFirst);
    await waiting(handle);
    await handle.signal('go');
    await waiting(handle, 2);
    await wake(handle, '/2');
    expect(await handle.result()).toEqual(['cancelled', 'did /2']);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`, 'act /2', 'act /2']);
    await replays(handle);
  });

  it('a call that is being held at that moment withdraws the hold', async () => {
    const handle: WorkflowHandle = await start('steps', [1], async ({ type }) => {
      if (type === WITHDRAW_ACTIVITY) return null;
      await handle.cancel();
      throw hold();
    });
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await replays(handle);
  });

  it('a granted effect reaches it, and nothing is lost', async () => {
    const handle = await start('steps', [1], async ({ type, nth, context }) => {
      if (type === WITHDRAW_ACTIVITY) return null;
      if (nth === 1) throw hold();
      const beat = setInterval(() => context.heartbeat(), 50);
      return await context.cancelled.finally(() => clearInterval(beat));
    });
    await waiting(handle);
    await wake(handle, '/1');
    await gate.asked(handle.workflowId, 2);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await replays(handle);
  });

  it('an effect that ends all the same gives its result to the workflow', async () => {
    const handle: WorkflowHandle = await start('steps', [1], async ({ nth }) => {
      if (nth === 1) throw hold();
      await handle.cancel();
      return 'done';
    });
    await waiting(handle);
    await wake(handle, '/1');
    expect(await handle.result()).toEqual(['done']);
    await replays(handle);
  });

  it('by a time-out of the author withdraws as well', async () => {
    const handle = await start('timesOut', [], holdFirst);
    expect(await handle.result()).toBe('timed out');
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await replays(handle);
  });

  it('is tried again while the ledger is away, and given up where it cannot be', async () => {
    const handle = await start('steps', [1], ({ type, nth }) => {
      if (type !== WITHDRAW_ACTIVITY) throw hold();
      throw nth === 1 ? later(10) : deny();
    });
    await waiting(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`, `${WITHDRAW_ACTIVITY} /1`]);
    await replays(handle);
  });
});

describe('an execution that ends while a call of it waits', () => {
  it.each(['return', 'continue'])('withdraws the hold: %s', async (how) => {
    const handle = await start('abandons', [how], (ask) => (ask.key === '/1' ? holdFirst(ask) : 'next'));
    await waiting(handle);
    await handle.signal('go');
    expect(await handle.result()).toEqual(how === 'return' ? 'returned' : ['next']);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`, ...(how === 'return' ? [] : ['act /2'])]);
  });
});

describe('children and continued executions', () => {
  it('have keys under the path of the step that started them', async () => {
    const handle = await start('parent', [], ({ key }) => key);
    expect(await handle.result()).toEqual(['/1', [['/2/1', '/2/2'], ['/3/1']], '/4']);
    expect(gate.asks(handle.workflowId)[1]?.header).toMatchObject({ run: handle.workflowId });
    await replays(handle);
  });

  it('count on over continue-as-new', async () => {
    const handle = await start('continues', [3], holdFirst);
    const woken = (async () => {
      for (const asks of [1, 3, 5, 7, 9, 11]) {
        const { key } = (await gate.asked(handle.workflowId, asks)).at(-1)!;
        await wake(handle, key);
      }
    })();
    expect(await handle.result()).toBe('done');
    await woken;
    expect(gate.lines(handle.workflowId)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6].map((step) => `act /${step}`));
  });

  it('are told of a denial in a child', async () => {
    const handle = await start('deniedInChild', [], () => {
      throw deny();
    });
    expect(await handle.result()).toEqual(denial);
  });
});

describe('other answers', () => {
  it('Later sleeps and asks again', async () => {
    const handle = await start('steps', [1], ({ nth }) => {
      if (nth === 1) throw later(30);
      if (nth === 2) throw hold(10);
      if (nth === 3) throw later(0);
      return nth;
    });
    expect(await handle.result()).toEqual([4]);
    expect(gate.lines(handle.workflowId)).toEqual(Array.from({ length: 4 }, () => 'act /1'));
    await replays(handle);
  });

  it('Fenced blocks for ever, cancellation included, until the run is terminated', async () => {
    const handle = await start('stubborn', [], () => {
      throw fenced();
    });
    await until(handle, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED', 2);
    await handle.cancel();
    await until(handle, 'EVENT_TYPE_WORKFLOW_TASK_COMPLETED', 3);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    expect(names(await events(handle)).at(-1)).toBe('EVENT_TYPE_WORKFLOW_TASK_COMPLETED');
    const history = await handle.fetchHistory();
    await handle.terminate('killed');
    expect((await handle.describe()).status.name).toBe('TERMINATED');
    expect(gate.lines(handle.workflowId)).toEqual(['act /1']);
    await Worker.runReplayHistory({ workflowBundle: bundle }, history, handle.workflowId);
  });

  it('a final failure reaches the workflow as the SDK made it', async () => {
    const handle = await start('steps', [1], () => {
      throw ApplicationFailure.nonRetryable('no route', 'ActionFailed', { action: 'act', message: 'no route' });
    });
    const failure = await failureOf(handle);
    expect(failure).toBeInstanceOf(ActivityFailure);
    expect((failure as ActivityFailure).cause).toMatchObject({ type: 'ActionFailed', details: [{ action: 'act', message: 'no route' }] });
    expect(gate.lines(handle.workflowId)).toEqual(['act /1']);
  });

  it('a result after an edit is unwrapped, and the workflow can see the edit', async () => {
    const note = { key: '/2', by: 'person:ada', changes: { tag: 'v2' } };
    const handle = await start('edited', [], ({ key }) => {
      if (key === '/2') return { [EDITED_KEY]: note, result: { ref: 'v2' } };
      return key === '/3' ? { [EDITED_KEY]: null, result: { [EDITED_KEY]: 'its own' } } : { plain: true };
    });
    expect(await handle.result()).toEqual({ results: [{ plain: true }, { ref: 'v2' }, { [EDITED_KEY]: 'its own' }], edits: [note] });
    await replays(handle);
  });
});

describe('local activities', () => {
  it('wait as others do, each under one key', async () => {
    const handle = await start('locals', [], holdFirst);
    await waiting(handle);
    await wake(handle, '/1');
    await waiting(handle, 2);
    await wake(handle, '/2');
    await waiting(handle, 3);
    await wake(handle, '/3');
    expect(await handle.result()).toEqual(['did /1', 'did /2', 'did /3']);
    expect(gate.asks(handle.workflowId).map(({ key, local }) => `${key} ${local}`)).toEqual([
      '/1 true', '/1 true', '/2 true', '/2 true', '/3 false', '/3 false',
    ]);
    await replays(handle);
  });

  it('are run again by the worker without taking another key', async () => {
    const handle = await start('locals', [], ({ key, nth }) => {
      if (key === '/1' && nth < 3) throw retry();
      return key;
    });
    expect(await handle.result()).toEqual(['/1', '/2', '/3']);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', 'act /1', 'act /1', 'act /2', 'act /3']);
    await replays(handle);
  });

  it('withdraw their hold when cancelled', async () => {
    const handle = await start('locals', [], holdFirst);
    await waiting(handle);
    await handle.cancel();
    expect(await failureOf(handle)).toBeInstanceOf(CancelledFailure);
    expect(gate.lines(handle.workflowId)).toEqual(['act /1', `${WITHDRAW_ACTIVITY} /1`]);
    await replays(handle);
  });
});

describe('the boundary', () => {
  it('lets nothing out to where no gate stands, and names what it refused', async () => {
    const handle = await start('escapes', [ELSEWHERE], () => null);
    expect(await handle.result()).toEqual([
      'queue_ungoverned', 'queue_ungoverned', 'queue_ungoverned', 'cron_refused', 'nexus_ungoverned', 'signal_ungoverned', 'child heard',
    ]);
    expect(gate.lines(handle.workflowId)).toEqual([]);
    await replays(handle);
  });

  it('lets actions and children out to listed task queues', async () => {
    const handle = await start('onQueue', [PLAIN], ({ key }) => key);
    // The worker there has no waiting room, so its own activities carry no key.
    expect(await handle.result()).toEqual(['/1', [null]]);
    expect(gate.asks(handle.workflowId)[0]).toMatchObject({ key: '/1' });
  });

  it('sends the calls of a run that Holdpoint did not start without a header, and does not follow other task queues', async () => {
    const [plain, away] = await Promise.all([
      start('denied', [], () => { throw deny(); }, { bare: true }),
      start('onQueue', [PLAIN], () => null, { bare: true }),
    ]);
    expect(await plain.result()).toMatchObject({ denial });
    expect(gate.asks(plain.workflowId).map(({ header }) => header)).toEqual([undefined]);
    expect(await failureOf(away)).toMatchObject({ type: 'HoldpointRefused', nonRetryable: true, message: expect.stringContaining(PLAIN) });
    expect(gate.asks(away.workflowId)).toEqual([]);
    await replays(plain);
  });
});

describe('proxied actions and chains', () => {
  it('name actions by their path', async () => {
    const handle = await start('throughProxies', [], ({ type }) => (type === 'git.log' ? { commits: [{ hash: 'abc' }] } : { at: 3 }));
    expect(await handle.result()).toEqual({ commits: [{ hash: 'abc' }], pushed: { at: 3 } });
    expect(gate.asks(handle.workflowId).map(({ type, args }) => [type, args])).toEqual([['git.log', [{ repo: '/r' }]], ['git.remote.push', [{ tag: 'abc' }]]]);
  });

  it('a chain passes outputs on, waits where it is held, and gives every output', async () => {
    const plan = {
      input: { repo: '/r' },
      steps: [
        { id: 'log', action: 'git.log', input: { repo: '${{ input.repo }}' } },
        { id: 'push', action: 'git.remote.push', input: { tag: 'v-${{ steps.log.output.commits.0.hash }}', commits: '${{ steps.log.output.commits }}' } },
      ],
    };
    const handle = await start('chain', [plan], (ask) => {
      if (ask.type === 'git.log') return { commits: [{ hash: 'abc' }] };
      return holdFirst(ask);
    });
    await waiting(handle);
    await wake(handle, '/2');
    expect(await handle.result()).toEqual({ outputs: { log: { commits: [{ hash: 'abc' }] }, push: 'did /2' } });
    expect(gate.asks(handle.workflowId).at(-1)?.args).toEqual([{ tag: 'v-abc', commits: [{ hash: 'abc' }] }]);
    await replays(handle);
  });

  it.each([
    ['chain_invalid', { steps: [], input: {} }],
    ['chain_reference_missing', { input: {}, steps: [{ id: 'a', action: 'git.log', input: '${{ steps.b.output }}' }] }],
  ])('a chain that cannot run fails with %s, before anything happened', async (code, plan) => {
    const handle = await start('chain', [plan], () => null);
    expect(await failureOf(handle)).toMatchObject({ type: 'HoldpointRefused', details: [{ code }] });
    expect(gate.lines(handle.workflowId)).toEqual([]);
  });

  it('a chain ends with the failure of the step that was denied', async () => {
    const steps = ['a', 'b'].map((id) => ({ id, action: 'git.log', input: {} }));
    const handle = await start('chain', [{ steps, input: {} }], () => {
      throw deny();
    });
    expect(await failureOf(handle)).toMatchObject({ cause: { type: 'ActionDenied', details: [denial] } });
    expect(gate.lines(handle.workflowId)).toEqual(['git.log /1']);
  });
});

describe('the bundle', () => {
  it('has the marker only where the waiting room is an interceptor', () => {
    const code = (from: WorkflowBundle) => ('code' in from ? from.code : '');
    expect(code(bundle)).toContain(WAITING_ROOM_MARKER);
    expect(code(plainBundle)).not.toContain(WAITING_ROOM_MARKER);
  });
});
