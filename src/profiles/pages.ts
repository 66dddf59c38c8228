// A profile as pages of text for people and agents, in three tiers, each with all of the smaller one: summary (never more than 1,500 tokens), detailed,
// comprehensive. What a tier costs is known before it is paid. Larger texts come in pages by a cursor, which holds for as long as the record does.

import type { Counters } from '../core/counters.ts';
import { Fault } from '../core/errors.ts';
import type { Profile } from '../core/profile.ts';
import { groupsOf } from './groups.ts';
import { adviceOf, type PolicyWords } from './suggestions.ts';
import { detailSections, wholeSections } from './text/detail.ts';
import { lengthSection, paceSection, timeSection } from './text/numbers.ts';
import { bytesOf, rowOf, type Section, textOf } from './text/section.ts';
import { headSection, missingSection, trySection } from './text/summary.ts';
import { edgeSection, groupSection, tailSection } from './text/tasks.ts';
import { tokensOf } from './words.ts';

export const tiers = ['summary', 'detailed', 'comprehensive'] as const;
export type Tier = (typeof tiers)[number];
export const summaryTokens = 1500;

export interface PageInput {
  readonly profile: Profile;
  /** What it was made of; without them the larger tiers have little more to say. */
  readonly counters?: Counters | undefined;
  readonly policies?: readonly PolicyWords[];
}

export interface Pages {
  /** Tokens (bytes / 4) of each tier as a whole. */
  readonly tokens: Readonly<Record<Tier, number>>;
  readonly summary: string;
  /** What it is and where its time goes: the first parts of the summary. */
  readonly brief: string;
  /** @throws Fault malformed: a cursor that is none, or of another record. */
  page(options?: { tier?: Tier; cursor?: string; tokens?: number }): ProfilePage;
}

export interface ProfilePage {
  readonly text: string;
  readonly tokens: number;
  /** Where to go on; absent on the last page. */
  readonly next?: string;
}

/** Rows of the summary that may grow; the first attempt that fits is taken. */
const sizes = [
  { groups: 8, edges: 5, missing: 6 },
  { groups: 5, edges: 3, missing: 4 },
  { groups: 3, edges: 2, missing: 2 },
] as const;
const pageTokens = 1500;
const leastPageTokens = 200;

export function pagesOf(input: PageInput): Pages {
  const { profile, counters } = input;
  const groups = counters === undefined ? profile.groups : groupsOf(counters);
  const detail = detailSections(profile, counters, groups);
  const whole = wholeSections(profile, counters, groups);
  const more = { detailed: bytesOfAll(detail), whole: bytesOfAll(whole) };
  const first = summarySections(input, more);
  const own = bytesOfAll(first);
  const sections: Readonly<Record<Tier, readonly Section[]>> = {
    summary: first,
    detailed: [...first, ...detail],
    comprehensive: [...first, ...detail, ...whole],
  };
  return {
    tokens: {
      summary: tokens(own),
      detailed: tokens(own + more.detailed),
      comprehensive: tokens(own + more.detailed + more.whole),
    },
    summary: first.map(textOf).join(''),
    brief: first.slice(0, 2).map(textOf).join(''),
    page: ({ tier = 'summary', cursor, tokens: limit = pageTokens } = {}) =>
      pageFrom(sections[tier], placeOf(cursor, tier, profile), Math.max(limit, leastPageTokens), {
        tier,
        mark: markOf(profile),
      }),
  };
}

/** Bytes that the larger tiers add. */
interface More {
  readonly detailed: number;
  readonly whole: number;
}

function summarySections(input: PageInput, more: More): Section[] {
  let sections: Section[] = [];
  for (const size of sizes) {
    sections = attempt(input, more, size);
    if (tokens(bytesOfAll(sections)) <= summaryTokens) return sections;
  }
  while (tokens(bytesOfAll(sections)) > summaryTokens) sections = withoutLongest(sections);
  return sections;
}

function attempt(
  { profile, counters, policies = [] }: PageInput,
  more: More,
  size: (typeof sizes)[number],
): Section[] {
  const { shape } = profile;
  const parts = [
    headSection(profile),
    timeSection(shape),
    lengthSection(shape),
    paceSection(shape),
    groupSection(profile.groups, size.groups),
    edgeSection(counters, shape, size.edges),
    tailSection(shape, counters),
    trySection(adviceOf(profile, policies)),
    missingSection(profile, counters, size.missing),
  ].filter((section) => section !== undefined);
  return [...parts, costSection(bytesOfAll(parts), more)];
}

/** Fixed width, so that its own cost does not depend on what it says. */
function costSection(own: number, more: More): Section {
  const line = (bytes: number): string => String(tokens(bytes)).padStart(8);
  const cost = (detailed: number, all: number): string =>
    `more: detailed${line(detailed)} tokens, comprehensive${line(all)} tokens`;
  const here = own + bytesOf({ title: cost(0, 0), rows: [] });
  return { title: cost(here + more.detailed, here + more.detailed + more.whole), rows: [] };
}

/** For what nobody foresaw: the last row of the longest part but the first goes. */
function withoutLongest(sections: readonly Section[]): Section[] {
  const longest = [...sections].sort((a, b) => bytesOf(b) - bytesOf(a))[0]!;
  const rows = Array.from({ length: longest.rows.length - 1 }, (_, i) => rowOf(longest, i)!);
  return sections.map((section) => (section === longest ? { ...section, rows } : section));
}

const tokens = (bytes: number): number => Math.ceil(bytes / 4);

/** Sections are ASCII: a character is a byte. */
function bytesOfAll(sections: readonly Section[]): number {
  return sections.reduce((sum, section) => sum + bytesOf(section), 0);
}

interface Place {
  readonly section: number;
  readonly row: number;
}

const markOf = ({ counters }: Profile): string => counters.slice(0, 8);

/** "detailed.3.40.1f2e3d4c": tier, section, row, and whose. */
function placeOf(cursor: string | undefined, tier: Tier, profile: Profile): Place {
  if (cursor === undefined) return { section: 0, row: 0 };
  const found = /^([a-z]+)\.(\d{1,6})\.(\d{1,9})\.([0-9a-f]{8})$/.exec(cursor);
  if (found === null || found[1] !== tier || found[4] !== markOf(profile))
    throw new Fault('malformed', 'the cursor is not of this profile and tier', {
      where: cursor.slice(0, 60),
      next: 'ask without a cursor for the first page, and go on with the `next` that it gives',
    });
  return { section: Number(found[2]), row: Number(found[3]) };
}

function pageFrom(
  sections: readonly Section[],
  place: Place,
  limit: number,
  of: { tier: Tier; mark: string },
): ProfilePage {
  let [text, { section: at, row }] = ['', place];
  const room = 4 * limit;
  for (; at < sections.length; at++, row = 0) {
    const section = sections[at]!;
    let here = headOf(section, row);
    if (text !== '' && text.length + here.length + (rowOf(section, row)?.length ?? 0) + 2 > room) break;
    for (; row < section.rows.length; row++) {
      const line = `${rowOf(section, row)}\n`;
      if (text.length + here.length + line.length > room && (text !== '' || row > place.row)) break;
      here += line;
    }
    text += row < section.rows.length ? here : `${here}\n`;
    if (row < section.rows.length) break;
  }
  const isLast = at >= sections.length;
  return { text, tokens: tokensOf(text), ...(!isLast && { next: `${of.tier}.${at}.${row}.${of.mark}` }) };
}

function headOf({ title, header }: Section, row: number): string {
  return `${title}${row > 0 ? ' (continued)' : ''}\n${header === undefined ? '' : `${header}\n`}`;
}
