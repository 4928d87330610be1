import { CancellationScope, condition, continueAsNew, defineSignal, executeChild, proxyActivities, setHandler } from '@temporalio/workflow';
import { edits } from '../../workflows/index.ts';

/**
 * What the histories in test/histories were recorded of. They stand for runs that are under way while Holdpoint is
 * upgraded, so this code may grow but must not change.
 */
interface Tools {
  readonly 'tool.put': (input: { readonly text: string }) => Promise<unknown>;
  readonly 'tool.charge': (input: { readonly text: string }) => Promise<unknown>;
}
const tool = proxyActivities<Tools>({ startToCloseTimeout: '1m' });
const goOn = defineSignal('goOn');

async function charge(text: string): Promise<string> {
  try {
    await tool['tool.charge']({ text });
    return `${text} was done`;
  } catch {
    return `${text} was not`;
  }
}

export async function allowedRun(): Promise<void> {
  await tool['tool.put']({ text: 'one' });
  await Promise.all(['two', 'three'].map((text) => tool['tool.put']({ text })));
}

export async function heldRun(): Promise<{ readonly ended: string; readonly edited: number }> {
  const ended = await charge('held');
  await tool['tool.put']({ text: 'after' });
  return { ended, edited: edits().length };
}

export async function parallelRun(): Promise<readonly string[]> {
  return Promise.all(['first', 'second'].map(charge));
}

export async function cancelledRun(): Promise<string> {
  const scope = new CancellationScope();
  setHandler(goOn, () => scope.cancel());
  const ended = await scope.run(() => charge('cancelled'));
  await tool['tool.put']({ text: 'after' });
  return ended;
}

export async function leavingRun(): Promise<void> {
  let free = false;
  setHandler(goOn, () => {
    free = true;
  });
  await Promise.race([charge('left'), condition(() => free)]);
}

export async function parentRun(): Promise<readonly string[]> {
  return Promise.all([executeChild(childRun, { args: ['below'] }), charge('above')]);
}

export async function childRun(text: string): Promise<string> {
  return charge(text);
}

export async function continuedRun(left: number): Promise<void> {
  await charge(`with ${left} left`);
  if (left > 0) await continueAsNew<typeof continuedRun>(left - 1);
}
