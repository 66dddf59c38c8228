// A number in a text is read whole or not at all. Where digits go on behind a separator (1,234 or 1'234, a version, a list without spaces) each part of it would be another number.

import { Fault } from '../../core/errors.ts';

/** Those of all locales: ’ is Switzerland's; no-break, thin and narrow no-break spaces are SI's and France's. */
const separator = "[.,_'\u2019\u00a0\u2009\u202f]";
const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`;
/** Longer ones are cut. */
const longest = 40;

const here = new RegExp(`^${number}`);
const before = new RegExp(String.raw`\d(?:${separator}?\d)*${separator}?$`);
const behind = new RegExp(`^(?:${separator}?\\d)+`);

/** A number in a line: where it ends and, when it is a part of something longer, where that does. */
export interface NumberAt {
  readonly ends: readonly number[];
  /** Throws Fault('malformed'): it is a part. */
  value(): number;
}

/** Undefined: no number begins there. */
export function numberAt(line: string, from: number): NumberAt | undefined {
  const [text] = here.exec(line.slice(from, from + longest)) ?? [];
  if (text === undefined) return undefined;
  const end = from + text.length;
  const [head = ''] = before.exec(line.slice(Math.max(0, from - longest), from)) ?? [];
  const [rest = ''] = behind.exec(line.slice(end, end + longest)) ?? [];
  return {
    ends: rest === '' ? [end] : [end, end + rest.length],
    value: () => (head === '' && rest === '' ? Number(text) : refuse(head + text + rest)),
  };
}

const start = String.raw`(?<![\w.]|\d${separator})`;
const alone = new RegExp(
  String.raw`${start}(?:${number}(?![\w.]|${separator}\d)|(?<part>[-+]?\d+(?:${separator}\d+)+))`,
  'g',
);
const mostText = 4096;

/** The last number that stands by itself in a text; undefined: there is none. Throws Fault('malformed'): it goes on behind a separator. */
export function lastNumber(text: string): number | undefined {
  const end = text.length > mostText ? text.slice(-mostText).replace(/^\S+/, '') : text;
  const found = [...end.matchAll(alone)].at(-1);
  if (found === undefined) return undefined;
  return found.groups?.part === undefined ? Number(found[0]) : refuse(found.groups.part);
}

function refuse(text: string): never {
  throw new Fault(
    'malformed',
    `${text} is not read as a number, as its digits go on behind a separator: write it without any (1234.5)`,
  );
}
