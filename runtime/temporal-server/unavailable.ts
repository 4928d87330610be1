import { Refusal } from '../../core/index.ts';
import type { FailedRoute } from './find-executable.ts';

const INSTEAD = 'Or name a running server in TEMPORAL_ADDRESS.';

/** `instead` = what to do where none of the routes can be opened. */
export function unavailable(message: string, routes: readonly FailedRoute[], cause?: unknown, instead = INSTEAD): Refusal {
  const tried = routes.map(({ route, why }) => `${route}: ${why}`).join('; ');
  const todos = [...routes.map(({ todo }) => todo), instead];
  const rest = { hint: todos.join(' '), data: { routes }, ...(cause === undefined ? {} : { cause }) };
  return new Refusal('unreachable', 'temporal_unavailable', `${message} ${tried}`, rest);
}
