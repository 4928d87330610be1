import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  executeChild,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { denialOf, edits, failureOf, proxyActions } from '../../workflows/index.ts';
import type { EditNotice } from '../../workflows/index.ts';
import type { ToolActions } from './tools.ts';

/** A call by name, so that tests can ask for anything, declared or not. */
export interface Call {
  readonly action: string;
  readonly input: unknown;
}
/** What a call came to, in words. */
export type Told =
  | { readonly kind: 'returned'; readonly value: unknown }
  | { readonly kind: 'denied'; readonly code: string; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'cancelled' };

const activities = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({ startToCloseTimeout: '1m' });
const cancelStep = defineSignal('cancelStep');
const goOn = defineSignal('goOn');
const choose = defineSignal<[string]>('choose');

async function ask({ action, input }: Call, by = activities): Promise<Told> {
  try {
    return { kind: 'returned', value: await by[action]?.(input) };
  } catch (error) {
    const denial = denialOf(error);
    if (denial !== null) return { kind: 'denied', code: denial.code, message: denial.message };
    const failure = failureOf(error);
    if (failure !== null) return { kind: 'failed', message: failure.message };
    if (isCancellation(error)) return { kind: 'cancelled' };
    throw error;
  }
}

/** One call after the other. */
export async function sequence({ calls }: { calls: readonly Call[] }): Promise<{ told: Told[]; edits: readonly EditNotice[] }> {
  const told: Told[] = [];
  for (const call of calls) told.push(await ask(call));
  return { told, edits: edits() };
}

const inOneAttempt = proxyActivities<typeof activities>({ startToCloseTimeout: '1m', retry: { maximumAttempts: 1 } });

/** One call after the other, by an author who wants none of them tried twice. */
export async function once({ calls }: { calls: readonly Call[] }): Promise<{ told: Told[] }> {
  const told: Told[] = [];
  for (const call of calls) told.push(await ask(call, inOneAttempt));
  return { told };
}

/** All at once. */
export async function together({ calls }: { calls: readonly Call[] }): Promise<Told[]> {
  return Promise.all(calls.map((call) => ask(call)));
}

/** Children side by side, each with its own calls. */
export async function family({ children }: { children: readonly (readonly Call[])[] }): Promise<{ told: Told[] }[]> {
  return Promise.all(children.map((calls) => executeChild(sequence, { args: [{ calls }] })));
}

/** Calls of one execution, and executions below it. */
export interface Tree {
  readonly calls: readonly Call[];
  readonly children: readonly Tree[];
}
export interface TreeTold {
  readonly told: readonly Told[];
  readonly children: readonly TreeTold[];
}

/** Children, and their children, while it makes calls of its own. */
export async function tree({ calls, children }: Tree): Promise<TreeTold> {
  const below = children.map((child) => executeChild(tree, { args: [child] }));
  const told = await Promise.all(calls.map((call) => ask(call)));
  return { told, children: await Promise.all(below) };
}

/** A call in each of several continued executions. */
export async function continued({ calls, told = [] }: { calls: readonly Call[]; told?: readonly Told[] }): Promise<readonly Told[]> {
  const [first, ...rest] = calls;
  if (first === undefined) return told;
  const all = [...told, await ask(first)];
  return rest.length === 0 ? all : continueAsNew<typeof continued>({ calls: rest, told: all });
}

/** Does not take no for an answer. */
export async function stubborn({ call }: { call: Call }): Promise<never> {
  for (;;) {
    try {
      await activities[call.action]?.(call.input);
    } catch {
      // It tries again.
    }
  }
}

/** Never asks for the same thing twice, and never stops asking. */
export async function restless({ call }: { call: Call }): Promise<never> {
  const { text, ...rest } = call.input as { readonly text: string };
  for (let n = 1; ; n += 1) {
    try {
      await activities[call.action]?.({ ...rest, text: `${text} ${n}` });
    } catch {
      // It tries something else.
    }
  }
}

/** Its ways with a call that it does not wait for: when told to go on it ends, fails, or continues as new with other calls. */
export interface Leaving {
  readonly left: Call | null;
  readonly how: 'returns' | 'throws' | 'continues';
  readonly next: readonly Call[];
}

export async function leaving({ left, how, next }: Leaving): Promise<Told[]> {
  const told: Told[] = [];
  if (left !== null) {
    let free = false;
    setHandler(goOn, () => {
      free = true;
    });
    await Promise.race([ask(left), condition(() => free)]);
    if (how === 'throws') throw ApplicationFailure.nonRetryable('it gave up');
    if (how === 'continues') return continueAsNew<typeof leaving>({ left: null, how: 'returns', next });
  }
  for (const call of next) told.push(await ask(call));
  return told;
}

/** A call whose text a signal says. */
export async function choosing({ call, once = false }: { call: Call; once?: boolean }): Promise<Told> {
  let text: string | null = null;
  setHandler(choose, (chosen) => {
    text = chosen;
  });
  await condition(() => text !== null);
  return ask({ action: call.action, input: { ...(call.input as object), text } }, once ? inOneAttempt : activities);
}

/** Has a secret in its code, where none belongs. */
export async function indiscreet(): Promise<Told> {
  return ask({ action: 'tool.login', input: { user: 'ida', password: 'open-sesame-4711' } });
}

/** Sends its calls to where no gate is known to stand, and does not take no for an answer. */
export async function astray({ call, taskQueue }: { call: Call; taskQueue: string }): Promise<never> {
  const elsewhere = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({ startToCloseTimeout: '1m', taskQueue });
  for (;;) {
    try {
      await elsewhere[call.action]?.(call.input);
    } catch {
      // It tries again.
    }
  }
}

/** A step in a scope that a signal cancels, and another step afterwards. */
export async function cancellable({ first, next }: { first: Call; next: Call | null }): Promise<Told[]> {
  const scope = new CancellationScope();
  setHandler(cancelStep, () => scope.cancel());
  const told = [await scope.run(() => ask(first))];
  if (next !== null) told.push(await ask(next));
  return told;
}

/** Waits for a signal between two calls, so that a test can reset or kill it there. */
export async function paused({ calls }: { calls: readonly Call[] }): Promise<Told[]> {
  let free = false;
  setHandler(goOn, () => {
    free = true;
  });
  const [first, ...rest] = calls;
  const told = first === undefined ? [] : [await ask(first)];
  await condition(() => free);
  for (const call of rest) told.push(await ask(call));
  return told;
}

/** As an author writes it, with types. */
export async function typed({ text }: { text: string }): Promise<string> {
  const { tool } = proxyActions<ToolActions>();
  await sleep(1);
  return (await tool.put({ text })).text;
}
