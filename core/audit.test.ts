import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auditPreimage, auditText } from './audit.ts';
import { canonical, isJson } from './canonical.ts';
import type { Json } from './names.ts';

const entries = fc.record({
  kind: fc.string({ minLength: 1 }),
  body: fc
    .dictionary(
      fc.string(),
      fc.jsonValue().map((value) => value as Json),
    )
    .filter((body) => isJson(body)),
});

describe('auditText', () => {
  it('loses nothing of an entry, whatever its body calls its members', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(JSON.parse(auditText(entry))).toEqual(JSON.parse(canonical(entry)));
      }),
    );
    expect(JSON.parse(auditText({ kind: 'hold.opened', body: { kind: 'approval' } }))).toEqual({
      kind: 'hold.opened',
      body: { kind: 'approval' },
    });
  });

  it('does not depend on the order of members', () => {
    fc.assert(
      fc.property(entries, ({ kind, body }) => {
        expect(auditText({ body: Object.fromEntries(Object.entries(body).toReversed()), kind })).toBe(auditText({ kind, body }));
      }),
    );
  });
});

describe('auditPreimage', () => {
  const rows = fc.record({ previous: fc.stringMatching(/^(?:[0-9a-f]{64})?$/), seq: fc.nat(), at: fc.nat(), entry: entries });

  it('is read back in only one way', () => {
    fc.assert(
      fc.property(rows, ({ previous, seq, at, entry }) => {
        const text = auditText(entry);
        expect(auditPreimage(previous, { seq, at, text }).split('\n')).toEqual([previous, String(seq), String(at), text]);
      }),
    );
  });

  it('is the text that the ledger hashes', () => {
    const text = auditText({ kind: 'run.started', body: { run: 'run-1' } });
    expect(auditPreimage('', { seq: 1, at: 5, text })).toBe('\n1\n5\n{"body":{"run":"run-1"},"kind":"run.started"}');
  });
});
