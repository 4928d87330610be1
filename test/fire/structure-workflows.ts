import {
  CancellationScope,
  condition,
  defineSignal,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  startChild,
} from '@temporalio/workflow';

export { sequence } from '../e2e/workflows.ts';

const goOn = defineSignal('goOn');
/** Resolves when the signal says so. */
function told(): Promise<void> {
  let free = false;
  setHandler(goOn, () => {
    free = true;
  });
  return condition(() => free);
}

type Text = { readonly text: string };
const activities = proxyActivities<Record<'tool.charge' | 'tool.put', (input: Text) => Promise<Text>>>({ startToCloseTimeout: '1m' });

/** One effect that asks, below whoever started it. */
export async function left({ text }: Text): Promise<string> {
  return (await activities['tool.charge']({ text })).text;
}

/** Starts a child that outlives it, and ends. */
export async function leavesAChild({ text }: Text): Promise<string> {
  const child = await startChild(left, { args: [{ text }], parentClosePolicy: ParentClosePolicy.ABANDON });
  return child.workflowId;
}

/** Does not wait for the branch that asks, and takes the effect of the other. */
export async function races({ text }: Text): Promise<string> {
  const other = told().then(() => activities['tool.put']({ text: `${text} won` }));
  const winner = await Promise.race([activities['tool.charge']({ text }), other]);
  return (await activities['tool.put']({ text: `after ${winner.text}` })).text;
}

/** Gives up on what asks, in a scope within a scope, and goes on. */
export async function givesUp({ text, after }: Text & { readonly after: number }): Promise<string> {
  try {
    await CancellationScope.cancellable(() => CancellationScope.withTimeout(after, () => activities['tool.charge']({ text })));
  } catch (error) {
    if (!isCancellation(error)) throw error;
  }
  return (await activities['tool.put']({ text: `after ${text}` })).text;
}

/** The scope around the asking one is cancelled, while one that cannot be cancelled asks too. */
export async function nested({ text }: Text): Promise<string> {
  const outer = new CancellationScope();
  const branches = outer.run(() =>
    Promise.allSettled([
      CancellationScope.cancellable(() => activities['tool.charge']({ text: `${text} cancelled` })),
      CancellationScope.nonCancellable(() => activities['tool.charge']({ text: `${text} kept` })),
    ]),
  );
  await told();
  outer.cancel();
  return (await branches).map(({ status }) => status).join(' ');
}
