import type { Json, Shown } from '../../core/index.ts';
import type { Evidence } from '../define-action.ts';
import { plainText } from './error-text.ts';

const MOST_EVIDENCE = 20;
const LONGEST_EVIDENCE = 3_000;

/** What people will see of a call: its title, every argument and fact in full, and the evidence. Raw: whoever renders it makes hidden characters visible. */
export function shownOf(title: string, input: Json, facts: Json | null, evidence: readonly Evidence[]): Shown {
  return {
    title,
    fields: [...fieldsOf('', input), ...(facts === null ? [] : fieldsOf('facts.', facts))],
    evidence: evidence
      .slice(0, MOST_EVIDENCE)
      .map((one) => ({ title: plainText(one.title, LONGEST_EVIDENCE), text: cut(String(one.text)) })),
  };
}

function fieldsOf(prefix: string, value: Json): Shown['fields'] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [{ name: prefix === '' ? 'input' : prefix.slice(0, -1), value: textOf(value) }];
  }
  return Object.entries(value).map(([name, item]) => ({ name: `${prefix}${name}`, value: textOf(item) }));
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Evidence helps; it is not what is approved, so it may be cut, and says that it was. */
function cut(text: string): string {
  const rest = text.length - LONGEST_EVIDENCE;
  return `${plainText(text, LONGEST_EVIDENCE)}${rest > 0 ? `\n… (${rest} more characters)` : ''}`;
}
