import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childPath, isPath, isStepKey, parentPath, pathOf, stepKey } from './step-key.ts';

const ordinal = fc.integer({ min: 1, max: 999_999_999_999_999 });
const ordinals = fc.array(ordinal, { maxLength: 8 });
const pathOfAll = (steps: readonly number[]) => steps.reduce<string>((path, step) => childPath(stepKey(path, step)), '');

describe('a step key', () => {
  it('is different for every path and ordinal', () => {
    fc.assert(
      fc.property(ordinals, ordinals, ordinal, ordinal, (a, b, i, j) => {
        const same = a.join() === b.join() && i === j;
        expect(stepKey(pathOfAll(a), i) === stepKey(pathOfAll(b), j)).toBe(same);
      }),
    );
  });

  it('says which execution it belongs to, and which the child that it started', () => {
    fc.assert(
      fc.property(ordinals, ordinal, (steps, next) => {
        const path = pathOfAll(steps);
        const key = stepKey(path, next);
        expect(isStepKey(key)).toBe(true);
        expect(isPath(childPath(key))).toBe(true);
        expect(pathOf(key)).toBe(path);
        expect(parentPath(childPath(key))).toBe(path);
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e15, Number.MAX_SAFE_INTEGER])('has no ordinal %s', (bad) => {
    expect(() => stepKey('', bad)).toThrow(RangeError);
  });

  it.each(['/', '3', '/3/', '//3', '/0', '/03', '/-1', '/1 ', '/1\n', '/a'])('has no path %j', (path) => {
    expect(isPath(path)).toBe(false);
    expect(() => stepKey(path, 1)).toThrow(RangeError);
  });

  it('is never the empty path, which has no parent', () => {
    expect(isPath('')).toBe(true);
    expect(isStepKey('')).toBe(false);
    expect(parentPath('')).toBeNull();
  });
});
