import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Database } from './index.ts';
import { inTurn } from './in-turn.ts';

/** A stretch of work that ends when it is told to. */
function stretch(log: string[], name: string) {
  let end: (error?: Error) => void = () => undefined;
  const work = (): Promise<string> =>
    new Promise((resolve, reject) => {
      log.push(name);
      end = (error) => (error === undefined ? resolve(name) : reject(error));
    });
  return { work, end: (error?: Error) => end(error) };
}

describe('work on one run', () => {
  const db = {} as Database;
  let log: string[];
  beforeEach(() => {
    log = [];
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('begins at once where nobody is before it', () => {
    void inTurn(db, 'run-a', stretch(log, 'a').work);
    void inTurn(db, 'run-b', stretch(log, 'b').work);
    void inTurn({} as Database, 'run-a', stretch(log, 'another ledger').work);
    expect(log).toEqual(['a', 'b', 'another ledger']);
  });

  it('takes its turn, also after one that failed', async () => {
    const [first, second, third] = [stretch(log, 'first'), stretch(log, 'second'), stretch(log, 'third')];
    const all = [first, second, third].map(({ work }) => inTurn(db, 'run-c', work));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(log).toEqual(['first']);
    first.end();
    expect(await all[0]).toBe('first');
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['first', 'second']);
    second.end(new Error('refused'));
    await expect(all[1]).rejects.toThrow('refused');
    await vi.advanceTimersByTimeAsync(0);
    third.end();
    expect(await all[2]).toBe('third');
    expect(log).toEqual(['first', 'second', 'third']);
  });

  it('waits no longer for one that is stuck than for a lock', async () => {
    void inTurn(db, 'run-d', stretch(log, 'stuck').work);
    const next = stretch(log, 'next');
    const answer = inTurn(db, 'run-d', next.work);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(log).toEqual(['stuck']);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual(['stuck', 'next']);
    next.end();
    expect(await answer).toBe('next');
  });
});
