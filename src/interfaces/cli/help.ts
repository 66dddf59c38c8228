// The page that `schedcp --help` prints: what one may want to do, and how it is spelled.

import type { Effect, Service } from '../../services/service.ts';

/** A line of the table: a service, or a command that is none (`mcp`). */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
}

/** Commands under a heading, in this order; those left out follow by effect. */
export type Groups = readonly (readonly [heading: string, names: readonly string[]])[];

const byEffect: Readonly<Record<Effect | 'extra', string>> = {
  start: 'Know the workload',
  run: 'Try and decide',
  switch: 'Put it to work',
  read: 'Look',
  decide: 'Answer for it',
  extra: 'Serve',
  remove: 'Clean up',
};

export function overview(
  about: string,
  services: readonly Service[],
  extra: readonly Entry[],
  groups: Groups,
): string {
  const entries = new Map<string, Entry>();
  for (const one of services) entries.set(one.name, { ...one, examples: one.cli.examples });
  for (const one of extra) entries.set(one.name, one);
  const grouped = new Set(groups.flatMap(([, names]) => names));
  const others = Object.entries(byEffect).map(([effect, heading]) => {
    const names = effect === 'extra' ? extra : services.filter((one) => one.effect === effect);
    return [heading, names.map((one) => one.name).filter((name) => !grouped.has(name))] as const;
  });
  const width = Math.max(...[...entries.keys()].map((name) => name.length)) + 2;
  const sections = [...groups, ...others].flatMap(([heading, names]) => {
    const lines = names.flatMap((name) => {
      const entry = entries.get(name);
      return entry === undefined ? [] : linesOf(entry, width);
    });
    return lines.length === 0 ? [] : [`${heading}\n${lines.join('\n')}`];
  });
  return `${about}\n\nUsage: schedcp COMMAND [flags]\n\n${sections.join('\n\n')}\n\n${footer}\n`;
}

const footer = `Every command: --json (one object on stdout), --quiet, --schema, --help
Exit codes: 0 accepted or done, 1 rejected or inconclusive, 2 usage, 3 fault or invalid`;

function linesOf(entry: Entry, width: number): readonly string[] {
  const [example] = entry.examples;
  const summary = `  ${entry.name.padEnd(width)}${entry.summary}`;
  return example === undefined ? [summary] : [summary, `  ${''.padEnd(width)}$ ${example}`];
}
