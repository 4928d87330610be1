import { schemaChecker } from '../approvals/index.ts';
import { Refusal, knownInput } from '../core/index.ts';
import type { ActionManifest, ChainPlan, Json } from '../core/index.ts';

type Checker = (value: Json) => readonly string[];

/**
 * Checks the inputs that are known before the chain starts against the schemas of their actions; those that need
 * an output are the gate's alone. Throws `Refusal` `chain_input_invalid`. The plan has passed `checkChain`.
 */
export function checkValues(plan: ChainPlan, manifests: readonly ActionManifest[]): void {
  const checkers = new Map<string, Checker>();
  for (const [index, { id, action }] of plan.steps.entries()) {
    const input = knownInput(plan, index);
    const manifest = manifests.find((one) => one.action === action);
    if (input === null || manifest === undefined) continue;
    const check = checkers.get(action) ?? checkerOf(manifest);
    checkers.set(action, check);
    const [fault] = check(input);
    if (fault === undefined) continue;
    throw new Refusal('invalid', 'chain_input_invalid', `"steps[${index}].input" of step "${id}" does not fit ${action}: ${fault}.`, {
      hint: 'See `holdpoint action list --json` for the schema of its input.',
      data: { step: id, field: `steps[${index}].input` },
    });
  }
}

/** A schema that cannot be used says nothing; the gate has the action's own. */
function checkerOf({ action, input }: ActionManifest): Checker {
  try {
    return schemaChecker(action, input);
  } catch (error) {
    if (error instanceof Refusal) return () => [];
    throw error;
  }
}
