// What a workload is, in the first lines of a summary; and in its last ones what to try and what is missing. Bounded, whatever the workload.

import type { Counters } from '../../core/counters.ts';
import type { Profile } from '../../core/profile.ts';
import type { Advice, Suggestion } from '../suggestions.ts';
import { digits, duration, name, percent } from '../words.ts';
import { type Section, sentence } from './section.ts';

export function headSection({
  subject,
  machine,
  by,
  observedNs,
  shape,
  class: what,
  goal,
}: Profile): Section {
  const scores = Object.entries(what.scores).filter(([other, score]) => other !== what.name && score >= 0.05);
  scores.sort(([, a], [, b]) => b - a);
  const others = scores.slice(0, 2).map(([other, score]) => `${other} ${percent(score)}`);
  const metric = `${goal.metric}, ${goal.direction} is better`;
  return {
    title: `${name(subject.name, 60)}: ${what.name}, wants ${goal.name}`,
    rows: [
      `${subject.what}, ${digits(shape.tasks ?? 0)} tasks, ${duration(observedNs)} on ${machine.cpus} CPUs (${machine.name}, kernel ${name(machine.kernel, 30)}), by ${by}`,
      '',
      `class ${what.name}, ${percent(what.confidence)} sure${others.length > 0 ? ` (else ${others.join(', ')})` : ''}`,
      ...what.why.slice(0, 4).map((why) => `  ${sentence(why)}`),
      ...what.look.slice(0, 3).map((look) => `  would settle it: ${sentence(look, 130)}`),
      `goal ${goal.name}, ${percent(goal.confidence)} sure (${metric})`,
      ...goal.reasons.slice(0, 4).map((why) => `  ${sentence(why)}`),
    ],
  };
}

export function trySection(advice: Advice): Section {
  const rows = advice.suggestions.flatMap((one) => suggestionRows(one));
  return {
    title: 'what to try',
    rows: [
      `  ${sentence(advice.headroom, 220)}`,
      ...(rows.length > 0 ? rows : ['  nothing in the library stands out: tune tries them all']),
    ],
  };
}

function suggestionRows({ what, name: which, fits, against, because }: Suggestion): string[] {
  const good =
    fits.length === 0
      ? ''
      : ` for ${fits
          .slice(0, 2)
          .map((word) => `"${name(word, 72)}"`)
          .join(' and ')}`;
  return [
    `  ${what} ${name(which, 30)}${good}`,
    ...because.slice(0, 2).map((why) => `    ${sentence(why, 120)}`),
    ...against.slice(0, 1).map((word) => `    but it is bad for "${name(word, 90)}"`),
  ];
}

export function missingSection(
  { missing, events }: Profile,
  counters: Counters | undefined,
  most: number,
): Section | undefined {
  const notes = [
    ...(events !== undefined && events.lost > 0
      ? [`${digits(events.lost)} of ${digits(events.seen + events.lost)} events were lost`]
      : []),
    ...(events?.sampled !== undefined && events.sampled < 1
      ? [`wakeups were looked at in ${percent(events.sampled)} of the time`]
      : []),
    ...(events?.switchesSeen !== undefined
      ? [`${percent(events.switchesSeen)} of the switches were seen: waits and runs are estimated from them`]
      : []),
    ...((counters?.folded ?? 0) > 0 ? [`${digits(counters!.folded)} tasks were not kept one by one`] : []),
    ...missing,
  ];
  if (notes.length === 0) return undefined;
  const left = notes.length - most;
  return {
    title: 'what is missing',
    rows: [
      ...notes.slice(0, most).map((note) => `  ${sentence(note, 120)}`),
      ...(left > 0 ? [`  and ${left} more`] : []),
    ],
  };
}
