import { proxyActions } from '../../workflows/index.ts';
import type * as actions from './actions.ts';

const { demo } = proxyActions<typeof actions>();

/** An agent that is never content: it asks the same thing for ever. What ends it is its limits. */
export async function runaway(): Promise<never> {
  for (;;) await demo.ask({ question: 'Is it done?' });
}
