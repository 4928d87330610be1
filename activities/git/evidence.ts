import { visibleLines } from '../../core/index.ts';
import type { Evidence } from '../define-action.ts';

/** Below the 3,000 characters that a card can show. */
const TEXT_MAX = 2_900;
const LINE_MAX = 200;

/** Untrusted lines for an approver's card: nothing hidden, long lines and long texts cut where it is said. */
export function evidence(title: string, text: string, more = false): Evidence {
  const lines: string[] = [];
  let [length, cut] = [0, more];
  for (const line of visibleLines(text.trimEnd())) {
    const shown = line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
    if (length + shown.length + 1 > TEXT_MAX) {
      cut = true;
      break;
    }
    lines.push(shown);
    length += shown.length + 1;
  }
  return { title, text: cut ? [...lines, '… and more'].join('\n') : lines.join('\n') };
}
