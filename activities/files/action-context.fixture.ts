import type { ActionContext, ResolveContext } from '../define-action.ts';

/** What the gate gives to `run`, for tests: these facts, secrets from a table, and a signal that nobody aborts unless told. */
export function actionContext<Facts>(
  facts: Facts,
  rest: { readonly secrets?: Readonly<Record<string, string>>; readonly signal?: AbortSignal; readonly idempotencyKey?: string } = {},
): ActionContext<Facts> {
  return {
    facts,
    idempotencyKey: rest.idempotencyKey ?? 'run-test/1',
    signal: rest.signal ?? new AbortController().signal,
    deadline: new Date(Date.now() + 60_000),
    run: { id: 'run-test', agent: 'tester' },
    log: { info: () => undefined, warn: () => undefined },
    secret(reference) {
      const value = rest.secrets?.[reference.replace(/^secret:/, '')];
      if (value === undefined) throw new Error(`no ${reference}`);
      return value;
    },
    cost: () => undefined,
  };
}

export const resolveContext: ResolveContext = { signal: new AbortController().signal };
