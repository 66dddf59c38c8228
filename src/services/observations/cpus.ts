// cpus, frequency, queues: the CPUs of this machine, what they did, and who waits for them.

import { z } from 'zod';
import { cpusSchema, frequencySchema, queuesSchema } from '../../core/observed-machine.ts';
import { table } from '../text.ts';
import { after, facts, interval, observation, paging, percent, rate } from './observation.ts';

const plain = (value: number | undefined): string =>
  value === undefined ? '-' : String(Number(value.toPrecision(3)));

export const cpus = observation({
  name: 'cpus',
  summary: 'Count the CPUs of this machine: topology, and how busy each is.',
  description:
    'Takes the interval (200 ms), needs no rights. Packages, nodes, last-level caches, cores, threads, drivers of frequency and idle; busy, user, system, iowait and steal of each ' +
    'CPU as shares of 1. Next: queues says who waits for them, processes who uses them.',
  input: z.object({ intervalMs: interval(200, 0), ...paging(32) }),
  output: cpusSchema,
  examples: ['schedcp cpus', 'schedcp cpus --interval-ms 1000'],
  look: (host, input, { signal }) => host.cpus(input, signal),
  text: (seen) =>
    facts([
      ['CPUs', `${seen.count} (${seen.online})${seen.offline === '' ? '' : `, offline ${seen.offline}`}`],
      ['busy', percent(seen.utilisation)],
      ['packages', plain(seen.packages)],
      ['nodes', plain(seen.nodes)],
      [
        'last-level caches',
        `${plain(seen.llcs)}${seen.llcKiB === undefined ? '' : ` of ${seen.llcKiB} KiB`}`,
      ],
      ['cores', `${plain(seen.cores)}, ${plain(seen.threadsPerCore)} threads each`],
      ['drivers', [seen.frequencyDriver, seen.idleDriver].filter(Boolean).join(', ')],
    ]) +
    '\n' +
    table(
      ['cpu', 'node', 'llc', 'core', 'busy', 'user', 'system', 'irq', 'iowait', 'steal'],
      seen.cpus.map((row) => [
        ...[row.cpu, row.node, row.llc, row.core].map(plain),
        ...[row.busy, row.user, row.system, row.interrupts, row.iowait, row.steal].map(percent),
      ]),
    ) +
    after(seen.left, seen.notes),
});

export const frequency = observation({
  name: 'frequency',
  summary: 'Say the frequency of each CPU, its governor, and how it idles, where the machine tells.',
  description:
    'Takes the interval (500 ms), needs no rights. Guests mostly tell little: the notes say what is missing. Idle states with the share of the interval that the CPU spent in them.',
  input: z.object({ intervalMs: interval(500), ...paging(6) }),
  output: frequencySchema,
  examples: ['schedcp frequency'],
  look: (host, input, { signal }) => host.frequency(input, signal),
  text: (seen) =>
    facts([
      ['frequency driver', seen.driver],
      ['idle driver', seen.idleDriver],
      ['idle governor', seen.idleGovernor],
    ]) +
    table(
      ['cpu', 'MHz', 'min', 'max', 'governor', 'idle states'],
      seen.cpus.map((row) => [
        String(row.cpu),
        ...[row.kHz, row.minKHz, row.maxKHz].map((kHz) =>
          kHz === undefined ? '-' : String(Math.round(kHz / 1000)),
        ),
        row.governor ?? '-',
        (row.idle ?? []).map((one) => `${one.state} ${percent(one.share)}`).join(', '),
      ]),
    ) +
    after(seen.left, seen.notes),
});

export const queues = observation({
  name: 'queues',
  summary: 'Count the threads that run or wait for a CPU, by kind of task and by CPU.',
  description:
    'Samples the states of all threads (10 times in 500 ms; 20,000 threads take about a third of a second a sample, then there are fewer). Means and maxima. More runnable threads ' +
    'than CPUs: a policy has something to decide. Next: delays says how long they wait.',
  input: z.object({
    intervalMs: interval(500),
    samples: z.number().int().min(1).max(100).default(10).describe('looks within the interval'),
    ...paging(32),
  }),
  output: queuesSchema,
  examples: ['schedcp queues', 'schedcp queues --samples 50 --interval-ms 2000'],
  look: (host, input, { signal }) => host.queues(input, signal),
  text: (seen) =>
    `${rate(seen.runnable.mean)} runnable threads of ${seen.threads}, at most ${seen.runnable.max}, in ${seen.samples} samples\n\n` +
    table(
      ['kind', 'mean', 'max'],
      seen.kinds.filter((row) => row.max > 0).map((row) => [row.kind, rate(row.mean), String(row.max)]),
    ) +
    '\n' +
    table(
      ['cpu', 'mean', 'max'],
      seen.cpus.map((row) => [String(row.cpu), rate(row.mean), String(row.max)]),
    ) +
    after(seen.left, seen.notes),
});
