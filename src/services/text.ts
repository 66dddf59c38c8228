// Text for people: plain tables, and long texts cut into pages for readers with a small context.

import { Fault } from '../core/errors.ts';

/** Columns padded to their widest cell; numbers are right-aligned. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const numeric = header.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => /^[-+−]?[\d.,]+( ?[%a-zA-Zµ/]+)?$|^-?$/.test(row[column] ?? '')),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        numeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** Bytes of one page as JSON: the text travels twice in an MCP answer, which must stay below 2,000 tokens (bytes / 4). */
export const pageBytes = 3500;

export interface Page {
  readonly text: string;
  readonly page: number;
  readonly pages: number;
}

/** Cuts at line ends; a single line longer than a page is cut anyway. Pages count from 1. @throws Fault not-found */
export function pageOf(text: string, page: number): Page {
  const pages: string[] = [];
  let current = '';
  for (const line of text.split(/(?<=\n)/).flatMap((line) => slices(line))) {
    if (current !== '' && jsonBytes(current + line) > pageBytes) {
      pages.push(current);
      current = '';
    }
    current += line;
  }
  if (current !== '' || pages.length === 0) pages.push(current);
  checkPage(page, pages.length);
  return { text: pages[page - 1]!, page, pages: pages.length };
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}

function slices(line: string): string[] {
  if (jsonBytes(line) <= pageBytes) return [line];
  const size = Math.floor(pageBytes / 6) - 1; // a character is at most six bytes as JSON
  return Array.from({ length: Math.ceil(line.length / size) }, (_, index) =>
    line.slice(index * size, (index + 1) * size),
  );
}

/** The part of a list that a page shows, so that a listing can be paged too. @throws Fault not-found */
export function pageItems<T>(
  all: readonly T[],
  page: number,
  size: number,
): { items: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(all.length / size));
  checkPage(page, pages);
  return { items: all.slice((page - 1) * size, page * size), page, pages };
}

function checkPage(page: number, pages: number): void {
  if (page <= pages) return;
  const last = pages === 1 ? 'one page' : `${pages} pages`;
  throw new Fault('not-found', `no page ${page}: there ${pages === 1 ? 'is' : 'are'} ${last}`, {
    next: pages === 1 ? 'leave the page out' : `ask for a page from 1 to ${pages}`,
  });
}

/** Text from outside with everything that a terminal would obey, or a reader not see, as \uXXXX: controls, marks of direction, lone surrogates. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu, (character) =>
    Array.from({ length: character.length }, (_, at) => unicode(character.charCodeAt(at))).join(''),
  );
}

const unicode = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;
