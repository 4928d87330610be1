import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contradiction } from './write-once.ts';
import type { Heard, Operation } from './write-once.ts';

type Told = Operation<string>;

/** By search: some order of the operations, each within its time, in which a register that is written once would have said the same. */
function hasAnOrder(history: readonly Told[]): boolean {
  const follow = (value: string | null, left: readonly Told[]): boolean =>
    left.every(({ kind }) => kind === 'lost') ||
    left.some((next) => {
      const others = left.filter((operation) => operation !== next);
      // A lost write ends whenever it likes.
      if (others.some((other) => other.kind !== 'lost' && other.to < next.from)) return false;
      switch (next.kind) {
        case 'read':
          return next.value === value && follow(value, others);
        case 'refused':
          return value !== null && follow(value, others);
        case 'wrote':
          return value === null && follow(next.value, others);
        case 'lost':
          return follow(value ?? next.value, others) || follow(value, others);
      }
    });
  return follow(null, history);
}

const value = fc.constantFrom('a', 'b');
const heard: fc.Arbitrary<Heard<string>> = fc.oneof(
  fc.record({ kind: fc.constantFrom('wrote' as const, 'lost' as const), value }),
  fc.constant({ kind: 'refused' as const }),
  fc.record({ kind: fc.constant('read' as const), value: fc.oneof(value, fc.constant(null)) }),
);
/** Any operations at all, at any times: most of these histories are bad. */
const anything: fc.Arbitrary<Told[]> = fc.array(heard, { minLength: 1, maxLength: 5 }).chain((operations) => {
  const ticks = operations.flatMap((_, index) => [2 * index, 2 * index + 1]);
  return fc.shuffledSubarray(ticks, { minLength: ticks.length, maxLength: ticks.length }).map((order) =>
    operations.map((operation, index) => {
      const [one = 0, other = 0] = order.slice(2 * index, 2 * index + 2);
      return { ...operation, from: Math.min(one, other), to: Math.max(one, other) };
    }),
  );
});

/** What clients hear of a real register: each operation takes effect at one instant, and takes time around it. */
const real: fc.Arbitrary<Told[]> = fc
  .array(fc.record({ writes: fc.boolean(), lost: fc.nat(9), before: fc.nat(400), after: fc.nat(400) }), { minLength: 2, maxLength: 50 })
  .map((operations) => {
    let written: string | null = null;
    return operations.map(({ writes, lost, before, after }, index): Told => {
      // The fractions keep them apart.
      const [from, to] = [100 * index - before + index / 1_000, 100 * index + 1 + after + (index + 0.5) / 1_000];
      if (!writes) return { kind: 'read', value: written, from, to };
      const mine = `client ${index}`;
      const accepted = written === null;
      written ??= mine;
      if (lost === 0) return { kind: 'lost', value: mine, from, to };
      return accepted ? { kind: 'wrote', value: mine, from, to } : { kind: 'refused', from, to };
    });
  });

describe('the checker of decision histories', () => {
  it('says what a search of every order says', () => {
    fc.assert(
      fc.property(anything, (history) => {
        expect(contradiction(history) === null, JSON.stringify(contradiction(history))).toBe(hasAnOrder(history));
      }),
      { numRuns: 5_000 },
    );
  });

  it('finds nothing wrong with a register that is one', () => {
    fc.assert(
      fc.property(real, (history) => {
        expect(contradiction(history)).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  it('finds one lie among fifty operations', () => {
    fc.assert(
      fc.property(real, fc.nat(), (history, at) => {
        const wrote = history.find(({ kind }) => kind === 'wrote');
        fc.pre(wrote !== undefined);
        const end = Math.max(...history.map(({ to }) => to)) + 1;
        const lies: readonly Told[] = [
          { kind: 'read', value: null, from: end, to: end + 1 },
          { kind: 'read', value: 'nobody', from: end, to: end + 1 },
          { kind: 'wrote', value: 'another', from: end, to: end + 1 },
          { kind: 'refused', from: wrote.from - 3_000_000, to: wrote.from - 2_999_999 },
        ];
        expect(contradiction([...history, lies[at % lies.length] as Told])).not.toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<readonly [string, readonly Told[]]>([
    ['2 writes were accepted', [wrote('a', 0, 1), wrote('b', 2, 3)]],
    ['nothing was written, and refused from 0 to 1', [{ kind: 'refused', from: 0, to: 1 }]],
    ['wrote a from 0 to 1, which was seen by 1 and was not there at 2', [wrote('a', 0, 1), read(null, 2, 3)]],
    ['wrote a from 4 to 5, which was seen by 3 and was not there at 4', [read('a', 2, 3), wrote('a', 4, 5)]],
    ['read b from 2 to 3, and wrote a from 0 to 1', [wrote('a', 0, 1), read('b', 2, 3)]],
    ['wrote a from 0 to 9, which was seen by 3 and was not there at 4', [wrote('a', 0, 9), read('a', 2, 3), read(null, 4, 5)]],
  ])('says of a bad one: %s', (said, history) => {
    expect(contradiction(history)).toBe(said);
  });

  it('takes a lost write for one that happened, where it was seen, however late', () => {
    const lost: Told = { kind: 'lost', value: 'a', from: 0, to: 1 };
    expect(contradiction([lost, read(null, 2, 3), read('a', 4, 5)])).toBeNull();
    expect(contradiction([lost, read(null, 2, 3), wrote('b', 4, 5)])).toBeNull();
    expect(contradiction([lost, read('a', 2, 3), wrote('b', 4, 5)])).not.toBeNull();
  });
});

function wrote(written: string, from: number, to: number): Told {
  return { kind: 'wrote', value: written, from, to };
}

function read(found: string | null, from: number, to: number): Told {
  return { kind: 'read', value: found, from, to };
}
