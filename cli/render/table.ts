import { visibleText } from '../../core/index.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

/** Rows in aligned columns, hidden characters visible; a column in which every row is empty is left out. */
export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], indent = ''): string {
  const filled = columns
    .map(({ title, value, align }) => ({ title, align, cells: rows.map((row) => visibleText(value(row))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const widths = filled.map(({ title, cells }) => Math.max(title.length, ...cells.map((cell) => [...cell].length)));
  const line = (texts: readonly string[]): string => {
    const padded = texts.map((text, index) => {
      const room = ' '.repeat(Math.max(0, (widths[index] ?? 0) - [...text].length));
      return filled[index]?.align === 'right' ? room + text : text + room;
    });
    return `${indent}${padded.join('  ')}`.trimEnd();
  };
  return [line(filled.map(({ title }) => title)), ...rows.map((_row, at) => line(filled.map(({ cells }) => cells[at] ?? '')))].join('\n');
}

/** Names and values of one thing, the values aligned; null and empty ones are left out. */
export function renderFields(fields: readonly (readonly [string, string | null])[], indent = ''): string {
  const given = fields.filter((field): field is readonly [string, string] => field[1] !== null && field[1] !== '');
  const width = Math.max(0, ...given.map(([title]) => title.length));
  return given.map(([title, value]) => `${indent}${title.padEnd(width)}  ${visibleText(value)}`).join('\n');
}
