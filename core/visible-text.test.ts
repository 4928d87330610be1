import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleLines, visibleText } from './visible-text.ts';

const HIDDEN: readonly (readonly [string, string])[] = [
  ['carriage return', '\r'],
  ['escape', '\u001b'],
  ['bell', '\u0007'],
  ['tab', '\t'],
  ['line feed', '\n'],
  ['C1 CSI', '\u009b'],
  ['delete', '\u007f'],
  ['right-to-left override', '\u202e'],
  ['isolate', '\u2066'],
  ['Arabic letter mark', '\u061c'],
  ['zero-width space', '\u200b'],
  ['zero-width joiner', '\u200d'],
  ['byte order mark', '\ufeff'],
  ['word joiner', '\u2060'],
  ['soft hyphen', '\u00ad'],
  ['Hangul filler', '\u3164'],
  ['tag letter', '\u{e0041}'],
  ['variation selector', '\ufe0f'],
  ['line separator', '\u2028'],
  ['no-break space', '\u00a0'],
  ['blank braille', '\u2800'],
  ['lone surrogate', '\ud800'],
];

describe('visibleText', () => {
  it.each(HIDDEN)('escapes a %s', (_name, character) => {
    expect(visibleText(`a${character}b`)).toBe(`a\\u{${character.codePointAt(0)?.toString(16)}}b`);
  });

  it('leaves ordinary text of any language alone', () => {
    const text = 'git push → origin “v1.2.0” ünïcode 標籤 тег תג 🚀 C:\\users\\me a\\b';
    expect(visibleText(text)).toBe(text);
  });

  it('shows an escape that was typed apart from one that it made', () => {
    expect(visibleText('\\u{202e}')).toBe('\\u{5c}u{202e}');
    expect(visibleText('\u202e')).toBe('\\u{202e}');
  });

  it('can be undone, so no two texts look the same', () => {
    const undo = (text: string): string =>
      text.replace(/\\u\{([0-9a-f]+)\}/g, (_all, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(undo(visibleText(text))).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.constantFrom('\\', 'u', '{', '}', '5', 'c', '\r')), (parts) => {
        expect(undo(visibleText(parts.join('')))).toBe(parts.join(''));
      }),
    );
  });
});

describe('visibleLines', () => {
  it('keeps line feeds as lines and shows the rest', () => {
    expect(visibleLines('one\r\ntwo')).toEqual(['one\\u{d}', 'two']);
  });
});
