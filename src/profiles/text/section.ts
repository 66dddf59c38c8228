// Parts of a page: a title, a header line that is repeated where a page begins within the part, and rows. Everything is ASCII, and no row is long.

import { name } from '../words.ts';

export interface Section {
  readonly title: string;
  readonly header?: string;
  readonly rows: Rows;
}

/** Rows that are there, or rows of one width that are made when they are asked for: thousands cost nothing until they are read. */
export type Rows = readonly string[] | FixedRows;

export interface FixedRows {
  readonly length: number;
  /** Of each row. */
  readonly width: number;
  row(i: number): string;
}

export function rowOf({ rows }: Section, i: number): string | undefined {
  if ('row' in rows) return i < rows.length ? rows.row(i) : undefined;
  return rows[i];
}

/** Bytes of the whole, with the empty line behind it. */
export function bytesOf(section: Section): number {
  const { title, header, rows } = section;
  const head = title.length + 1 + (header === undefined ? 0 : header.length + 1) + 1;
  if ('row' in rows) return head + rows.length * (rows.width + 1);
  return rows.reduce((sum, row) => sum + row.length + 1, head);
}

export const widest = 160;

/** A sentence from outside: printable, and not longer than a row. */
export function sentence(text: string, most = widest - 10): string {
  return name(text, most);
}

/** With the empty line behind it. */
export function textOf(section: Section): string {
  const lines = Array.from({ length: section.rows.length }, (_, i) => rowOf(section, i));
  return [section.title, ...(section.header === undefined ? [] : [section.header]), ...lines, '', ''].join(
    '\n',
  );
}

/** A cell of exactly this width, cut or padded; negative: left-aligned. */
export function fixed(text: string, width: number): string {
  const size = Math.abs(width);
  const cut = text.length > size ? `${text.slice(0, size - 1)}~` : text;
  return width < 0 ? cut.padEnd(size) : cut.padStart(size);
}

export type Cell = string;

/** Columns padded to their widest cell, two spaces in; the first is left-aligned, and so are those named. */
export function columns(
  header: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  left: readonly number[] = [],
): { header: string; rows: string[] } {
  const widths = header.map((cell) => cell.length);
  for (const row of rows)
    for (const [i, cell] of row.entries()) if (cell.length > (widths[i] ?? 0)) widths[i] = cell.length;
  const line = (row: readonly Cell[]): string => {
    let text = ' ';
    for (const [i, cell] of row.entries())
      text += ` ${i === 0 || left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)}`;
    return text.trimEnd();
  };
  return { header: line(header), rows: rows.map(line) };
}
