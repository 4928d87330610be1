import {
  CancellationScope,
  condition,
  continueAsNew,
  createNexusServiceClient,
  defineSignal,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  makeContinueAsNewFunc,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  startChild,
} from '@temporalio/workflow';
import { denialOf, edits, failureOf, proxyActions, refusalOf } from '../../workflows/index.ts';
import type { EditNotice } from '../../workflows/index.ts';
import type * as actions from './actions.ts';

export { chain } from '../../workflows/index.ts';

interface Act {
  act(input?: unknown): Promise<unknown>;
}

/** Options that the waiting room must not let through. */
const { act } = proxyActivities<Act>({
  startToCloseTimeout: '5s',
  scheduleToCloseTimeout: '9s',
  scheduleToStartTimeout: '8s',
  retry: { maximumAttempts: 1 },
});
const local = proxyLocalActivities<Act>({ startToCloseTimeout: '5s', retry: { maximumAttempts: 1 }, localRetryThreshold: '1ms' });
const { git } = proxyActions<typeof actions>();
const go = defineSignal('go');

async function signalled(): Promise<void> {
  let gone = false;
  setHandler(go, () => {
    gone = true;
  });
  await condition(() => gone);
}

export async function steps(count: number): Promise<unknown[]> {
  const results: unknown[] = [];
  for (let step = 1; step <= count; step += 1) results.push(await act(step));
  return results;
}

export async function both(): Promise<unknown[]> {
  return await Promise.all([act('a'), act('b')]);
}

/** Cancels the scope of its first step when told to, and then goes on. */
export async function cancelsOne(): Promise<readonly unknown[]> {
  const scope = new CancellationScope();
  const first = scope.run(() => act('first')).catch((error: unknown) => (isCancellation(error) ? 'cancelled' : String(error)));
  await signalled();
  scope.cancel();
  return [await first, await act('second')];
}

export async function abandons(how: 'return' | 'continue'): Promise<string> {
  void act('never answered').catch(() => undefined);
  await signalled();
  if (how === 'continue') await makeContinueAsNewFunc<typeof steps>({ workflowType: 'steps' })(1);
  return 'returned';
}

/** Throws what fails only its workflow task, while a call of it waits. */
export async function buggy(): Promise<void> {
  void act('never answered').catch(() => undefined);
  await signalled();
  throw new TypeError('a bug');
}

export async function continues(rounds: number): Promise<string> {
  await act(rounds);
  await act(rounds);
  if (rounds > 1) await continueAsNew<typeof continues>(rounds - 1);
  return 'done';
}

export async function parent(): Promise<unknown[]> {
  const before = await act('before');
  const children = await Promise.all([executeChild(steps, { args: [2] }), executeChild(steps, { args: [1] })]);
  return [before, children, await act('after')];
}

export async function locals(): Promise<unknown[]> {
  return [await local.act('one'), await local.act('two'), await act('three')];
}

/** An agent that catches whatever stops it, and tries again at once. */
export async function stubborn(): Promise<never> {
  for (;;) {
    try {
      await act('again');
    } catch {
      // tries again
    }
  }
}

export async function denied(): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return { denial: denialOf(error), failure: failureOf(error), message: (error as Error).cause };
  }
}

export async function deniedInChild(): Promise<unknown> {
  try {
    return await executeChild(steps, { args: [1] });
  } catch (error) {
    return denialOf(error);
  }
}

export async function edited(): Promise<{ readonly results: unknown[]; readonly edits: readonly EditNotice[] }> {
  return { results: [await act(1), await act(2), await act(3)], edits: edits() };
}

export async function namedActivity(): Promise<unknown> {
  const named = proxyActivities<Act>({ startToCloseTimeout: '5s', activityId: 'mine' });
  return await named.act();
}

export async function onQueue(taskQueue: string): Promise<unknown> {
  const there = proxyActivities<Act>({ startToCloseTimeout: '5s', taskQueue });
  return [await there.act(), await executeChild('steps', { taskQueue, args: [1] })];
}

/** Tries each way out, and gives the codes of the refusals. */
export async function escapes(elsewhere: string): Promise<readonly (string | null)[]> {
  const service = { name: 'billing', operations: { charge: { name: 'charge' } } } as const;
  const there = proxyActivities<Act>({ startToCloseTimeout: '5s', taskQueue: elsewhere });
  const child = await startChild(waitsForGo);
  const ways: readonly (() => Promise<unknown>)[] = [
    () => there.act(),
    () => executeChild(steps, { taskQueue: elsewhere, args: [1] }),
    () => makeContinueAsNewFunc<typeof steps>({ taskQueue: elsewhere })(1),
    () => executeChild(steps, { cronSchedule: '* * * * *', args: [1] }),
    () => createNexusServiceClient({ endpoint: 'payments', service: service as never }).executeOperation('charge' as never, {} as never),
    () => getExternalWorkflowHandle('somebody-else').signal(go),
  ];
  const codes: (string | null)[] = [];
  for (const way of ways) {
    codes.push(
      await way().then(
        () => 'let out',
        (error: unknown) => refusalOf(error)?.code ?? String(error),
      ),
    );
  }
  await child.signal(go);
  codes.push(await child.result());
  return codes;
}

export async function waitsForGo(): Promise<string> {
  await signalled();
  return 'child heard';
}

/** A step that loses against the clock: its scope is cancelled by a time-out. */
export async function timesOut(): Promise<unknown> {
  try {
    return await CancellationScope.withTimeout(100, () => act());
  } catch (error) {
    return isCancellation(error) ? 'timed out' : String(error);
  }
}

export async function throughProxies(): Promise<unknown> {
  const { commits } = await git.log({ repo: '/r' });
  const pushed = await git.remote.push({ tag: commits[0]?.hash ?? 'none' });
  return { commits, pushed };
}
