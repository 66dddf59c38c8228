import { describe, expect, test } from 'vitest';
import {
  computeMetrics,
  findMetric,
  type MeasuredShape,
  metricDefinitions,
  middle,
  nearestRank,
  type RunEvent,
} from './metrics.ts';

const shape: MeasuredShape = {
  warmupRounds: 1,
  series: [
    { name: 'request', deadlineNs: 50 },
    { name: 'silent', deadlineNs: 5 },
    { name: 'free', deadlineNs: 0 },
  ],
  tasks: [0, 1, 2].flatMap((round) => [
    { round, background: false, group: 0 },
    { round, background: true, group: 1 },
    { round, background: true, group: 1 },
  ]),
};

/** Three rounds; the first is warm-up with absurd numbers. Task 0 works, 1 and 2 are background. */
function events(): RunEvent[] {
  const numbers = { startNs: 10, vcsw: 1, icsw: 2, cpu: 0 };
  return [
    ...[9e9, 1e9, 3e9].map((makespanNs, round) => ({
      event: 'round',
      round,
      startNs: 0,
      endNs: 0,
      makespanNs,
    })),
    ...[9e9, 100, 300].map((endNs, round) => ({
      ...{
        event: 'task',
        task: round * 3,
        ...numbers,
        endNs,
        cpuNs: round === 0 ? 7e9 : 1e9,
        delayNs: endNs,
      },
      killed: false,
    })),
    ...[0, 1, 2].flatMap((round) =>
      [1, 2].map((i) => ({
        ...{ event: 'task', task: round * 3 + i, ...numbers, endNs: 1, delayNs: 5 },
        ...{ cpuNs: String(round * i * 1e8), killed: true },
      })),
    ),
    { event: 'samples', series: 0, values: Array.from({ length: 60 }, (_, i) => i + 1) },
    { event: 'samples', series: 0, values: Array.from({ length: 40 }, (_, i) => String(i + 61)) },
    { event: 'samples', series: 2, values: [8] },
    { event: 'done', status: 'ok' },
  ];
}

test('every metric from the events, by hand', () => {
  expect(computeMetrics(events(), shape)).toEqual({
    makespanNs: 2e9,
    taskSojournNsMean: 190,
    taskSojournNsP50: 90,
    taskSojournNsP99: 290,
    runDelayNs: 400,
    runDelayNsP99: 300,
    switchesVoluntary: 6,
    switchesInvoluntary: 12,
    backgroundCpus: 0.9e9 / 4e9,
    backgroundCpuShare: 0.9e9 / 2.9e9,
    backgroundFairness: 0.5,
    'latencyNsP50:request': 50,
    'latencyNsP95:request': 95,
    'latencyNsP99:request': 99,
    'latencyNsMax:request': 100,
    'throughputPerS:request': 25,
    'deadlineMissRatio:request': 0.5,
    'latencyNsP50:free': 8,
    'latencyNsP95:free': 8,
    'latencyNsP99:free': 8,
    'latencyNsMax:free': 8,
    'throughputPerS:free': 0.25,
  });
});

test('a command: medians over the repetitions that succeeded', () => {
  const run = (wallNs: number | string, exit: number, signal = 0) => ({
    ...{ event: 'run', run: 0, exit, signal, wallNs },
    ...{ userNs: 5, systemNs: 6, maxRssKiB: 7 },
  });
  const lines = [run(10, 0), run(1, 1), run(2, 0, 9), run('20', 0), { event: 'done', status: 'ok' }];
  expect(computeMetrics(lines)).toEqual({ elapsedNs: 15, userNs: 5, systemNs: 6, maxRssKiB: 7 });
});

describe('what is not data has no metrics', () => {
  test.each<[string, RunEvent]>([
    ['a limit', { event: 'limit', what: 'wall' }],
    ['a fault', { event: 'fault', message: 'x' }],
    ['a killed foreground task', { event: 'task', task: 3, killed: true }],
    ['a killed task that nobody knows', { event: 'task', task: 99, killed: true }],
  ])('%s', (_, event) => {
    expect(computeMetrics([...events(), event], shape)).toEqual({});
  });

  test('no end, or a failed one', () => {
    expect(computeMetrics(events().slice(0, -1), shape)).toEqual({});
    expect(computeMetrics([...events().slice(0, -1), { event: 'done', status: 'failed' }], shape)).toEqual(
      {},
    );
  });
});

test('nothing measured: nothing there', () => {
  expect(computeMetrics([{ event: 'done', status: 'ok' }], shape)).toEqual({});
});

test('quantiles are nearest-rank; the middle of two is the floor of their mean', () => {
  expect(nearestRank([], 500)).toBeUndefined();
  expect(nearestRank([3, 1, 2, 4], 500)).toBe(2);
  expect(nearestRank([3, 1, 2, 4], 501)).toBe(3);
  expect(nearestRank([5], 1)).toBe(5);
  expect(middle([])).toBeUndefined();
  expect(middle([3, 1, 2])).toBe(2);
  expect(middle([4, 1])).toBe(2);
});

test('names', () => {
  expect(findMetric('makespanNs')).toMatchObject({ metric: 'makespanNs', series: undefined });
  expect(findMetric('latencyNsP99:a')).toMatchObject({ metric: 'latencyNsP99', series: 'a' });
  for (const wrong of ['makespanNs:a', 'latencyNsP99', 'latencyNsP99:', 'toString', '']) {
    expect(findMetric(wrong), wrong).toBeUndefined();
  }
  for (const { description } of Object.values(metricDefinitions)) expect(description).toMatch(/\.$/);
});
