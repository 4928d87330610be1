import { Refusal } from '../../core/index.ts';
import { NothingHappened } from '../define-action.ts';

/** Does what precedes an effect: a refusal there says that the effect did not take place. */
export async function nothingYet<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Refusal) throw new NothingHappened(cause.message, { cause });
    throw cause;
  }
}
