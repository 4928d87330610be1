import { CancellationScope } from '@temporalio/workflow';

/** One call that a hold has stopped. */
export interface OpenWait {
  /** True once its hold was withdrawn: nobody asks again. */
  readonly withdrawn: boolean;
  /** Withdraws the hold, once. Never rejects: a hold that is left over ends with its run. */
  withdraw(): Promise<void>;
  /** The call was answered. */
  end(): void;
}

/** The waits of one execution, so that none of them leaves a question open which nobody will act on. */
export interface OpenWaits {
  begin(withdraw: () => Promise<unknown>): OpenWait;
  /** Withdraws what still waits; called when the execution ends. */
  drain(): Promise<void>;
}

export function createOpenWaits(): OpenWaits {
  const open = new Set<OpenWait>();
  return {
    begin(withdraw) {
      let leaving: Promise<void> | null = null;
      const wait: OpenWait = {
        get withdrawn() {
          return leaving !== null;
        },
        withdraw() {
          leaving ??= CancellationScope.nonCancellable(withdraw).then(
            () => undefined,
            () => undefined,
          );
          return leaving;
        },
        end: () => void open.delete(wait),
      };
      open.add(wait);
      return wait;
    },
    async drain() {
      await Promise.all([...open].map((wait) => wait.withdraw()));
    },
  };
}
