import { proxyActivities } from '@temporalio/workflow';
import { GOVERNED_ACTIVITY_OPTIONS, Refusal, parseChain, resolveReferences } from '../core/index.ts';
import type { ChainPlan, Json } from '../core/index.ts';
import { refused } from './boundary.ts';

export interface ChainResult {
  /** Each step's output, by its id. */
  readonly outputs: Readonly<Record<string, Json>>;
}

/**
 * Runs a chain's steps one after the other, each with the outputs before it. Whoever starts it has checked it
 * with `checkChain`; the shape is checked here once more, since a workflow can be started by others too.
 * The first step that is denied or fails ends the chain with that failure.
 */
export async function chain(plan: Pick<ChainPlan, 'input' | 'steps'>): Promise<ChainResult> {
  const { startToCloseTimeout } = GOVERNED_ACTIVITY_OPTIONS;
  const actions = proxyActivities<Record<string, (input: Json) => Promise<Json | undefined>>>({ startToCloseTimeout });
  const { input, steps } = orRefused(() => parseChain({ input: plan.input, steps: plan.steps }));
  const outputs: Record<string, Json> = {};
  for (const [index, step] of steps.entries()) {
    const resolved = orRefused(() => resolveReferences(step.input, `steps[${index}].input`, { outputs, input }));
    outputs[step.id] = (await actions[step.action]?.(resolved)) ?? null;
  }
  return { outputs };
}

function orRefused<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) throw refused(error.code, error.message);
    throw error;
  }
}
