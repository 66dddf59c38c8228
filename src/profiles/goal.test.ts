import { expect, it } from 'vitest';
import { findMetric } from '../core/metrics.ts';
import type { Shape } from '../core/profile.ts';
import { type GoalHints, goalOf } from './goal.ts';

const ms = 1_000_000;
const quantiles = (p50: number, p90 = 2 * p50): NonNullable<Shape['runNs']> => ({ p50, p90 });

const frames: Shape = {
  ...{ cpus: 4, utilisation: 0.3, wakes: { timer: 0.9, task: 0.1 }, runNs: quantiles(3 * ms, 4 * ms) },
  period: { ns: 16 * ms, strength: 0.95 },
};
const server: Shape = {
  ...{ cpus: 4, utilisation: 0.35, burstsPerS: 900, runNs: quantiles(60_000) },
  wakes: { interrupt: 0.7, task: 0.3 },
  waits: { poll: 0.7, socket: 0.2, futex: 0.1, pipe: 0, disk: 0 },
};
const build: Shape = {
  cpus: 4,
  utilisation: 0.9,
  churn: 0.95,
  wakes: { fork: 0.4, task: 0.5, interrupt: 0.1 },
  runNs: quantiles(20 * ms),
  burstsPerS: 10,
  time: { cpu: 0.6 },
};
const messages: Shape = {
  ...{ cpus: 4, utilisation: 0.8, burstsPerS: 5000, churn: 0, runNs: quantiles(15_000), wakes: { task: 1 } },
  waits: { pipe: 1, socket: 0, futex: 0, poll: 0, disk: 0 },
};
const hogs: Shape = {
  cpus: 4,
  utilisation: 0.99,
  time: { cpu: 0.5, delay: 0.49 },
  wakes: { timer: 0.2, task: 0.8 },
  burstsPerS: 1,
};
const quiet: Shape = {
  cpus: 4,
  utilisation: 0.001,
  burstsPerS: 2,
  wakes: { timer: 0.5, task: 0.5 },
  runNs: quantiles(50_000),
  sleepNs: quantiles(400 * ms, 4000 * ms),
};

it.each<[string, Shape, GoalHints, string, RegExp]>([
  [
    'a player of frames',
    frames,
    {},
    'deadlines',
    /90 % of its wakeups are by timer, 95 % of them every 16 ms/,
  ],
  ['a server', server, {}, 'tail-latency', /70 % of its wakeups come from devices/],
  [
    'a server that is stopped',
    server,
    { endsByItself: true },
    'tail-latency',
    /half of its bursts within 60 us/,
  ],
  ['a build', build, { endsByItself: true }, 'makespan', /95 % of its tasks were born and ended/],
  ['a build, watched for a while', build, {}, 'makespan', /95 %/],
  ['messages through pipes', messages, {}, 'throughput', /5000 times a second/],
  ['computing', hogs, {}, 'makespan', /compute 98 % of the time that they have a choice/],
  ['next to nothing', quiet, {}, 'energy', /uses 0.004 CPUs/],
  ['nothing measured', {}, {}, 'makespan', /nothing was measured/],
])('%s', (_, shape, hints, name, reason) => {
  const goal = goalOf(shape, hints);
  expect(goal.name, JSON.stringify(goal)).toBe(name);
  expect(goal.reasons.join('\n')).toMatch(reason);
  expect(findMetric(goal.metric)?.definition.better).toBe(goal.direction);
});

it('is less sure of what speaks for two goals, and says so', () => {
  const both = goalOf({ ...messages, churn: 0.25 }, { endsByItself: true });
  expect(both.confidence).toBeLessThan(goalOf(messages).confidence);
  expect(both.reasons.at(-1)).toMatch(/is nearly as likely/);
  expect(goalOf(messages).reasons.join()).not.toMatch(/nearly/);
});

it.each<[string, Shape]>([
  ['no steady pace', { ...frames, period: { ns: 16 * ms, strength: 0.2 } }],
  ['a pace of seconds', { ...frames, period: { ns: 3000 * ms, strength: 0.95 } }],
  ['work that fills the period', { ...frames, runNs: quantiles(15.9 * ms) }],
  ['few timers', { ...frames, wakes: { timer: 0.2, task: 0.8 } }],
])('no deadlines: %s', (_, shape) => {
  expect(goalOf(shape).name).not.toBe('deadlines');
});

it.each<[string, Shape]>([
  ['interrupts of disks', { ...server, waits: { disk: 0.9, socket: 0, poll: 0, futex: 0.1, pipe: 0 } }],
  ['long answers', { ...server, runNs: quantiles(40 * ms) }],
])('no tail latency: %s', (_, shape) => {
  expect(goalOf(shape).name).not.toBe('tail-latency');
});
