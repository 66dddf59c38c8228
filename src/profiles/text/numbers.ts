// Where the time goes, how long runs and waits are, and at what pace: the numbers of a shape.

import type { Shape } from '../../core/profile.ts';
import { digits, duration, percent } from '../words.ts';
import { columns, type Section } from './section.ts';

/** The parts that were measured. */
export function known(parts: Readonly<Record<string, number | undefined>>): [string, number][] {
  return Object.entries(parts).filter((part): part is [string, number] => part[1] !== undefined);
}

const barWidth = 40;

/** Where the time goes, as bars. */
export function timeSection({ time, utilisation, systemShare }: Shape): Section | undefined {
  if (time === undefined) return undefined;
  const shares = known(time).filter(([, share]) => share >= 0.0005);
  shares.sort(([, a], [, b]) => b - a);
  const rest = 1 - known(time).reduce((sum, [, share]) => sum + share, 0);
  if (rest > 0.01) shares.push(['not known', rest]);
  const parts = [
    ...(utilisation === undefined ? [] : [`${percent(utilisation)} of the CPUs used`]),
    ...(systemShare === undefined ? [] : [`${percent(systemShare)} of that in the kernel`]),
  ];
  return {
    title: `where its time goes${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`,
    rows: shares.map(([what, share]) => {
      const bar = '#'.repeat(Math.round(barWidth * share));
      return `  ${what.padEnd(9)} ${percent(share).padStart(7)} ${bar}`.trimEnd();
    }),
  };
}

export function lengthSection(shape: Shape): Section | undefined {
  const rows = (
    [
      ['runs', shape.runNs],
      ['waits', shape.sleepNs],
      ['delays', shape.delayNs],
    ] as const
  ).flatMap(([what, quantiles]) =>
    quantiles === undefined
      ? []
      : [
          [
            what,
            ...(['p50', 'p90', 'p99', 'mean'] as const).map((key) =>
              quantiles[key] === undefined ? '-' : duration(quantiles[key]),
            ),
          ],
        ],
  );
  return rows.length === 0
    ? undefined
    : { title: 'lengths', ...columns(['', 'p50', 'p90', 'p99', 'mean'], rows) };
}

const ramp = ' .:-=+*#%@';

export function paceSection(shape: Shape): Section | undefined {
  const { parallelism, queued, wakes, period, overTime } = shape;
  const rates = [
    each(shape.switchesPerS, 'switches/s') +
      (shape.involuntaryShare === undefined ? '' : ` (${percent(shape.involuntaryShare)} involuntary)`),
    each(shape.burstsPerS, 'bursts/s a task'),
    each(shape.migrationsPerS, 'migrations/s'),
    each(shape.forksPerS, 'forks/s'),
    each(shape.faultsPerS, 'faults/s'),
  ].filter((text) => text !== '');
  const causes = known(wakes ?? {}).filter(([, share]) => share > 0);
  const top = Math.max(1, ...(overTime ?? []));
  const rows = [
    ...(rates.length > 0 ? [`rates     ${rates.join(', ')}`] : []),
    ...(parallelism === undefined
      ? []
      : [
          `at once   ${digits(parallelism.mean)} tasks on CPUs on average, ${parallelism.max} at most${queued === undefined ? '' : `; ${digits(queued.mean)} ready and waiting`}`,
        ]),
    ...(causes.length > 0
      ? [`woken by  ${causes.map(([cause, share]) => `${cause} ${percent(share)}`).join(', ')}`]
      : []),
    ...(period === undefined
      ? []
      : [`period    ${duration(period.ns)}, kept by ${percent(period.strength)} of the wakeups by timer`]),
    ...(shape.blockIo === undefined
      ? []
      : [
          `block     ${digits(shape.blockIo.opsPerS)} operations/s, ${digits(shape.blockIo.bytesPerS)} bytes/s`,
        ]),
    ...(shape.pmu === undefined
      ? []
      : [
          `pmu       ${digits(shape.pmu.instructionsPerCycle)} instructions a cycle, ${digits(shape.pmu.missesPerKiloInstruction)} cache misses in 1000`,
        ]),
    ...(overTime === undefined || overTime.length === 0
      ? []
      : [
          `over time [${overTime.map((mean) => ramp[Math.ceil((mean / top) * (ramp.length - 1))] ?? '@').join('')}] @ is ${digits(top)} on CPUs`,
        ]),
  ];
  return rows.length === 0 ? undefined : { title: 'pace', rows: rows.map((row) => `  ${row}`) };
}

function each(value: number | undefined, what: string): string {
  return value === undefined ? '' : `${digits(value)} ${what}`;
}
