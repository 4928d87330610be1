import type { StepKey, Wake } from '../core/index.ts';

/** Counts the wake-ups that were heard, so that one which comes before anybody waits is not lost. */
export interface Wakes {
  hear(wake: Wake): void;
  /** How many so far concern this call; compare with an earlier count. */
  count(key: StepKey | null): number;
}

export function createWakes(): Wakes {
  let all = 0;
  const byKey = new Map<StepKey, number>();
  return {
    hear({ key }) {
      if (key === null) all += 1;
      else byKey.set(key, (byKey.get(key) ?? 0) + 1);
    },
    count: (key) => all + (key === null ? 0 : (byKey.get(key) ?? 0)),
  };
}
