import { proxyActivities } from '@temporalio/workflow';
import { GOVERNED_ACTIVITY_OPTIONS } from '../core/index.ts';

/** What a schema accepts, and what it gives: `z.input` and `z.output`, without zod, which must not reach the sandbox. */
type Accepts<Schema> = Schema extends { readonly _zod: { readonly input: infer Input } } ? Input : never;
type Gives<Schema> = Schema extends { readonly _zod: { readonly output: infer Output } } ? Output : never;

/** The callable side of a tree of actions; exports that are neither actions nor trees of them are left out. */
export type ProxiedActions<Tree> = {
  readonly [Name in keyof Tree as ProxiedAction<Tree[Name]> extends never ? never : Name]: ProxiedAction<Tree[Name]>;
};

type ProxiedAction<Node> = Node extends { readonly kind: 'holdpoint.action'; readonly input: infer Input; readonly output: infer Output }
  ? (input: Accepts<Input>) => Promise<Gives<Output>>
  : Node extends (...args: never[]) => unknown
    ? never
    : Node extends object
      ? ProxiedActions<Node>
      : never;

export interface ProxyActionsOptions {
  /** Where the worker with these actions listens, if not on the workflow's own task queue. */
  readonly taskQueue?: string;
}

/**
 * Calls actions from a workflow: `const { git } = proxyActions<typeof actions>()`, then `await git.push(…)`.
 * A call waits for as long as people need. It throws an `ActivityFailure`: read it with `denialOf` (refused) and
 * `failureOf` (ran, and failed for good).
 */
export function proxyActions<Tree>(options: ProxyActionsOptions = {}): ProxiedActions<Tree> {
  const { startToCloseTimeout } = GOVERNED_ACTIVITY_OPTIONS;
  const activities = proxyActivities<Record<string, (input: unknown) => Promise<unknown>>>({ startToCloseTimeout, ...options });
  return node(activities, '') as ProxiedActions<Tree>;
}

type Activities = Readonly<Record<string, (input: unknown) => Promise<unknown>>>;

function node(activities: Activities, path: string): object {
  return new Proxy(() => undefined, {
    get(_, name) {
      // A promise that is resolved with a proxy would take `then` for its own.
      if (typeof name === 'symbol' || name === 'then') return undefined;
      return node(activities, path === '' ? name : `${path}.${name}`);
    },
    apply(_, __, [input]: unknown[]) {
      const call = activities[path];
      if (path === '' || call === undefined) throw new TypeError('proxyActions() gives a tree of actions: call one of its members.');
      return call(input);
    },
  });
}
