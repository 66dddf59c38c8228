// delays, switches, pressure: what tasks wait for, and how often they change places.

import { z } from 'zod';
import { pressureSchema, switchesSchema } from '../../core/observed-machine.ts';
import { type Distribution, delaysSchema } from '../../core/observed-tasks.ts';
import { table } from '../text.ts';
import {
  after,
  cgroupField,
  facts,
  interval,
  observation,
  paging,
  percent,
  pidField,
  rate,
  time,
} from './observation.ts';

const distributionText = (name: string, seen: Distribution | undefined): string => {
  if (seen === undefined) return '';
  const parts = [
    `mean ${time(seen.meanNs)}`,
    `p50 < ${time(seen.p50Ns)}`,
    `p90 < ${time(seen.p90Ns)}`,
    `p99 < ${time(seen.p99Ns)}`,
  ];
  const known = parts.filter((part) => !part.endsWith(' -'));
  const most = Math.max(1, ...(seen.histogram ?? []).map((bucket) => bucket.count));
  const bars = (seen.histogram ?? []).map(
    ({ fromNs, count }) =>
      `  ${time(fromNs).padStart(8)}  ${'#'.repeat(Math.ceil((40 * count) / most))} ${count}\n`,
  );
  return `${name}: ${seen.count} times, ${known.join(', ')}\n${bars.join('')}`;
};

export const delays = observation({
  name: 'delays',
  summary: 'Say how long threads that could run waited for a CPU: of a process, a cgroup or the machine.',
  description:
    'Takes the interval (1 s). With probes (root and BTF) histograms of the time from wakeup to running; without, sums and means out of schedstat, and `missing` says so. The threads ' +
    'that waited longest come first. Little delay: no scheduler will help much.',
  input: z
    .object({
      pid: pidField.optional().describe('this process and its descendants'),
      cgroup: cgroupField.optional().describe('this cgroup and those below it: its path, as /a/b'),
      intervalMs: interval(1000),
      ...paging(10),
    })
    .refine(({ pid, cgroup }) => pid === undefined || cgroup === undefined, {
      error: 'takes a pid or a cgroup, not both',
      path: ['cgroup'],
    }),
  output: delaysSchema,
  positional: ['pid'],
  examples: [
    'schedcp delays',
    'schedcp delays 1234 --interval-ms 5000',
    'schedcp delays --cgroup /system.slice',
  ],
  look: (host, input, { signal }) => host.delays(input, signal),
  text: (seen) =>
    facts([
      ['of', `${seen.of} (${seen.threads} threads), by ${seen.by}`],
      ['on CPUs', `${time(seen.ranNs)} in ${time(seen.observedNs)}`],
      ['waited for one', time(seen.delayNs)],
    ]) +
    distributionText('run delay', seen.runDelay) +
    distributionText('wakeup latency', seen.wakeup) +
    '\n' +
    table(
      ['tid', 'pid', 'name', 'ran', 'waited', 'mean', 'runs'],
      seen.tasks.map((row) => [
        ...[row.tid, row.pid].map(String),
        row.comm,
        ...[row.ranNs, row.delayNs, row.meanNs].map(time),
        String(row.runs ?? '-'),
      ]),
    ) +
    after(
      seen.left,
      seen.missing.map((text) => `missing: ${text}`),
    ),
});

export const switches = observation({
  name: 'switches',
  summary: 'Count context switches, migrations, interrupts and forks a second, and who is switched most.',
  description:
    'Takes the interval (1 s): its first half finds the processes that are switched most, its second half counts them in detail. Voluntary: it waited for something; involuntary: it ' +
    'lost its CPU.',
  input: z.object({
    pid: pidField.optional().describe('this process and its descendants only'),
    intervalMs: interval(1000),
    ...paging(10),
  }),
  output: switchesSchema,
  positional: ['pid'],
  examples: ['schedcp switches', 'schedcp switches 1234'],
  look: (host, input, { signal }) => host.switches(input, signal),
  text: ({ machine, processes, left, notes }) =>
    facts([
      ['switches/s', rate(machine.switchesPerS)],
      ['interrupts/s', rate(machine.interruptsPerS)],
      ['softirqs/s', rate(machine.softirqsPerS)],
      ['forks/s', rate(machine.forksPerS)],
      ['migrations/s', rate(machine.migrationsPerS)],
    ]) +
    '\n' +
    table(
      ['pid', 'name', 'threads', 'runs/s', 'voluntary/s', 'involuntary/s', 'migrations/s'],
      processes.map((row) => [
        String(row.pid),
        row.comm,
        String(row.threads),
        ...[row.runsPerS, row.voluntaryPerS, row.involuntaryPerS, row.migrationsPerS].map(rate),
      ]),
    ) +
    after(left, notes),
});

export const pressure = observation({
  name: 'pressure',
  summary: 'Say how much tasks stall on CPU, memory and I/O (PSI): of the machine or of a cgroup.',
  description:
    'Immediate. some: at least one task stalled; full: all did; over the last 10, 60 and 300 s, as shares of 1. Where it is off it says why, and what to ask instead.',
  input: z.object({
    cgroup: cgroupField.optional().describe('path of a cgroup, as /a/b; default: the machine'),
  }),
  output: pressureSchema,
  positional: ['cgroup'],
  examples: ['schedcp pressure', 'schedcp pressure /system.slice'],
  look: (host, input) => host.pressure(input),
  text: (seen) =>
    seen.on
      ? table(
          ['resource', 'stalled', '10 s', '60 s', '300 s', 'in all'],
          seen.resources.flatMap(({ resource, some, full }) =>
            Object.entries({ some, full }).flatMap(([kind, stall]) =>
              stall === undefined
                ? []
                : [
                    [
                      resource,
                      kind,
                      ...[stall.avg10, stall.avg60, stall.avg300].map(percent),
                      time(stall.totalNs),
                    ],
                  ],
            ),
          ),
        ) + after(0, seen.notes)
      : `no pressure of ${seen.of}: ${seen.why ?? 'it is off'}\n${after(0, seen.notes)}`,
});
