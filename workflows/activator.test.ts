import { afterEach, describe, expect, it } from 'vitest';
import { checkActivator, freshActivitySeq } from './activator.ts';

const global = globalThis as { __TEMPORAL_ACTIVATOR__?: unknown };

afterEach(() => {
  delete global.__TEMPORAL_ACTIVATOR__;
});

describe('the activator of the SDK', () => {
  it('gives each question a number of its own', () => {
    global.__TEMPORAL_ACTIVATOR__ = { nextSeqs: { activity: 7, timer: 1 } };
    checkActivator();
    expect([freshActivitySeq(), freshActivitySeq()]).toEqual([7, 8]);
    expect(global.__TEMPORAL_ACTIVATOR__).toEqual({ nextSeqs: { activity: 9, timer: 1 } });
  });

  it.each([[undefined], [{}], [{ nextSeqs: {} }], [{ nextSeqs: { activity: '7' } }], [{ nextSeqs: { activity: Number.NaN } }]])(
    'fails loudly where a release of the SDK looks like %j',
    (activator) => {
      global.__TEMPORAL_ACTIVATOR__ = activator;
      expect(checkActivator).toThrow('does not work with this release of @temporalio/workflow');
      expect(freshActivitySeq).toThrow('does not work with this release of @temporalio/workflow');
    },
  );
});
