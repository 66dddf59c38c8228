// Parts of a page: a title, a header line that is repeated where a page begins within the part, and rows. Everything is ASCII, and no row is long.

import { name } from '../words.ts';

export interface Section {
  readonly title: string;
  readonly header?: string;
  readonly rows: readonly string[];
}

export const widest = 160;

/** A sentence from outside: printable, and not longer than a row. */
export function sentence(text: string, most = widest - 10): string {
  return name(text, most);
}

export function linesOf(section: Section): string[] {
  return [section.title, ...(section.header === undefined ? [] : [section.header]), ...section.rows, ''];
}

export type Cell = string;

/** Columns padded to their widest cell, two spaces in; the first is left-aligned, and so are those named. */
export function columns(
  header: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  left: readonly number[] = [],
): Pick<Required<Section>, 'header' | 'rows'> {
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
