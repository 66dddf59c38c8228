// What the provoking workload tells of a policy that the kernel keeps: how long sleepers wait, how hogs share by weight, who gets least, how much work is done at all.

import type { Outcome } from '../../src/core/records.ts';

/** Milliseconds, seconds and ratios, rounded: harm is looked for in factors. */
export function measuredOf({ metrics, timeline, finding }: Outcome): Record<string, number> {
  const cpuOf = (group: string): number[] =>
    timeline.filter(({ task }) => task.replace(/-\d+$/, '') === group).map(({ cpuNs }) => cpuNs / 1e9);
  const hogs = timeline.filter(({ task }) => task.startsWith('hog')).map(({ cpuNs }) => cpuNs / 1e9);
  const all: Record<string, number | undefined> = {
    wakeMsP99: ms(metrics['latencyNsP99:wake']),
    wakeMsMax: ms(metrics['latencyNsMax:wake']),
    pinnedMsP99: ms(metrics['latencyNsP99:pinned']),
    pinnedMsMax: ms(metrics['latencyNsMax:pinned']),
    burstMsP99: ms(metrics['latencyNsP99:burst']),
    loneMsMax: ms(metrics['latencyNsMax:lone']),
    makespanS: metrics.makespanNs === undefined ? undefined : metrics.makespanNs / 1e9,
    /** CPU time of the nice -5 hogs to that of the nice 5 ones: 9.3 by weight. */
    favouredToNice: ratio(mean(cpuOf('hog-favoured')), mean(cpuOf('hog-nice'))),
    leastHogS: hogs.length === 0 ? undefined : Math.min(...hogs),
    backgroundCpus: metrics.backgroundCpus,
    switches: metrics.switchesInvoluntary,
  };
  const known = Object.entries(all).filter((pair): pair is [string, number] => Number.isFinite(pair[1]));
  return finding === null
    ? Object.fromEntries(known.map(([name, value]) => [name, Number(value.toPrecision(3))]))
    : {};
}

const ms = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / 1e6);
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const ratio = (a: number, b: number): number => a / b;
