import type { RefusalKind } from '../core/index.ts';

/** Stable; scripts rely on them. */
export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, refused: 4, unreachable: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const OF_KIND: Readonly<Record<RefusalKind, ExitCode>> = {
  invalid: EXIT.usage,
  not_found: EXIT.notFound,
  refused: EXIT.refused,
  conflict: EXIT.refused,
  unreachable: EXIT.unreachable,
  failed: EXIT.failed,
};

export function exitCodeOf(kind: RefusalKind): ExitCode {
  return OF_KIND[kind];
}
