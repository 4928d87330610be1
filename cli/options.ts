import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option } from 'commander';
import { Refusal, formatUsd, parseDuration, parseJson, usd } from '../core/index.ts';
import type { Json, Raise } from '../core/index.ts';
import type { Shell } from './shell.ts';

/** An option of a whole number of at least 1. */
export function countOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser((text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
    if (value >= 1) return value;
    throw optionInvalid(option.long, 'must be a whole number of at least 1', text);
  });
}

/** An option of US dollars, as micro-USD. */
export function moneyOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser((text) => {
    const value = attempt(() => usd(text.replace(/^\$/, '')));
    if (value !== null && value > 0) return value;
    throw optionInvalid(option.long, `must be US dollars above 0 with at most six decimals, such as ${formatUsd(usd('2.50'))}`, text);
  });
}

/** An option of a duration, as milliseconds. */
export function timeOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.argParser((text) => {
    const value = attempt(() => parseDuration(text));
    if (value !== null) return value;
    throw optionInvalid(option.long, 'must be a number above 0 and a unit, such as 90s, 30m or 1h', text);
  });
}

/** Amounts by which limits are raised. */
export const RAISE_OPTIONS = (): readonly Option[] => [
  countOption('--steps <n>', 'raise the limit of steps by this many'),
  moneyOption('--spend <usd>', 'raise the limit of spend by this many US dollars'),
  timeOption('--time <duration>', 'raise the limit of working time, such as 30m'),
  countOption('--identical <n>', 'raise the limit of identical calls'),
  countOption('--failures <n>', 'raise the limit of failures in a row'),
];

export interface RaiseOptions {
  readonly steps?: number;
  readonly spend?: number;
  readonly time?: number;
  readonly identical?: number;
  readonly failures?: number;
}

/** Null where none was given. */
export function raiseOf({ steps, spend, time, identical, failures }: RaiseOptions): Raise | null {
  const given = Object.entries({ steps, spend, time, identical, failures }).filter(([, amount]) => amount !== undefined);
  return given.length === 0 ? null : (Object.fromEntries(given) as Raise);
}

/** JSON given in the command line, or `@FILE`. Throws `Refusal` `option_invalid` or `file_unreadable`. */
export function readJson(option: string, text: string, shell: Shell): Json {
  const source = text.startsWith('@') ? readFile(resolve(shell.cwd, text.slice(1)), option) : text;
  try {
    return parseJson(source);
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new Refusal('invalid', cause.code, `${option}: ${cause.message}`, {
      hint: `Give JSON, or @FILE with JSON in it; quote it for the shell.`,
      cause,
    });
  }
}

export function readFile(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Refusal('not_found', 'file_unreadable', `${what} names a file that can be read; got ${JSON.stringify(file)}.`, { cause });
  }
}

const FILTERS = ['agent', 'state', 'workflow'] as const;
export type RunFilter = { readonly [Key in (typeof FILTERS)[number]]?: string };

/** `agent=A state=running`. Throws `Refusal` `filter_invalid`. */
export function parseFilter(text: string, allowed: readonly (typeof FILTERS)[number][] = FILTERS): RunFilter {
  const filter: Record<string, string> = {};
  for (const part of text.split(/[\s,]+/).filter((one) => one !== '')) {
    const [key = '', value = '', ...more] = part.split('=');
    if (!allowed.some((one) => one === key) || value === '' || more.length > 0 || Object.hasOwn(filter, key)) {
      throw new Refusal(
        'invalid',
        'filter_invalid',
        `--filter is made of ${allowed.map((one) => `${one}=VALUE`).join(', ')}, each once; got ${JSON.stringify(part)}.`,
        {
          hint: "For example: --filter 'agent=release-bot state=running'",
        },
      );
    }
    filter[key] = value;
  }
  if (Object.keys(filter).length > 0) return filter;
  throw new Refusal('invalid', 'filter_invalid', '--filter must name at least one field; got nothing.', {
    hint: `Fields: ${allowed.join(', ')}.`,
  });
}

function optionInvalid(option: string | undefined, rule: string, text: string): Refusal {
  return new Refusal('invalid', 'option_invalid', `${option ?? 'The option'} ${rule}; got ${JSON.stringify(text)}.`);
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
