import { cpus, totalmem } from 'node:os';

/** One measured figure against its goal. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly goal: string;
  readonly ok: boolean;
}

export function atLeast(name: string, value: number, unit: string, goal: number): Figure {
  return { name, value: rounded(value), unit, goal: `>= ${goal}`, ok: value >= goal };
}

export function atMost(name: string, value: number, unit: string, goal: number): Figure {
  return { name, value: rounded(value), unit, goal: `<= ${goal}`, ok: value <= goal };
}

/** `name value unit goal ok|short` */
export function renderFigure({ name, value, unit, goal, ok }: Figure): string {
  return `${name.padEnd(72)} ${String(value).padStart(10)} ${unit.padEnd(8)} ${goal.padEnd(9)} ${ok ? 'ok' : 'short'}`;
}

/** Measured for comparison; nobody set it a goal. */
export function plain(name: string, value: number, unit: string): Figure {
  return { name, value: rounded(value), unit, goal: '-', ok: true };
}

export function machine(): Readonly<Record<string, string | number>> {
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
