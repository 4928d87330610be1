import { registerActions } from '../activities/index.ts';
import type { ActionRegistry, ActionTree } from '../activities/index.ts';
import { Refusal, closestWord } from '../core/index.ts';
import type { ActionName, RunId } from '../core/index.ts';

/** One effect: the `run` of an action that is not read-only was begun. */
export interface Effect {
  readonly run: RunId;
  readonly action: ActionName;
  /** As `run` got it: parsed, with defaults, and with an approver's edits. */
  readonly input: unknown;
}

export interface RecordedActions {
  /** What the worker runs: the declared actions, each telling when it begins. */
  readonly tree: ActionTree;
  readonly registry: ActionRegistry;
  /** In the order in which they began. */
  readonly effects: readonly Effect[];
}

type FakeRuns = Readonly<Record<string, object | undefined>>;

/** Throws `Refusal`: `action_invalid`, and `action_unknown` for a fake of no action. */
export function recordEffects(declared: ActionTree, fakes: FakeRuns): RecordedActions {
  const registry = registerActions(declared);
  for (const name of Object.keys(fakes)) knownAction(registry, name);
  const effects: Effect[] = [];
  const tree: Record<string, unknown> = {};
  for (const [name, { action }] of registry) {
    const real = { ...action, ...fakes[name] };
    const run: typeof action.run = (input, context) => {
      if (!action.annotations.readOnly) effects.push({ run: context.run.id, action: name, input });
      return real.run(input, context);
    };
    plant(tree, name.split('.'), { ...real, run });
  }
  return { tree: tree as unknown as ActionTree, registry, effects };
}

export function knownAction(registry: ActionRegistry, name: ActionName): NonNullable<ReturnType<ActionRegistry['get']>> {
  const known = registry.get(name);
  if (known !== undefined) return known;
  const guess = closestWord(name, [...registry.keys()]);
  throw new Refusal('invalid', 'action_unknown', `No action is named ${JSON.stringify(name)}.`, {
    hint: guess === null ? `Declared are: ${[...registry.keys()].join(', ')}.` : `Did you mean "${guess}"?`,
  });
}

function plant(tree: Record<string, unknown>, [head = '', ...rest]: readonly string[], action: object): void {
  if (rest.length === 0) tree[head] = action;
  else plant((tree[head] ??= {}) as Record<string, unknown>, rest, action);
}
