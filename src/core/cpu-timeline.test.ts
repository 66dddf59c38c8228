// Timelines drawn by hand.

import { describe, expect, it } from 'vitest';
import { cpuTimelineText } from './cpu-timeline.ts';

const ms = 1_000_000;
const slice = (cpu: number, task: number, from: number, to: number) => ({
  cpu,
  task,
  fromNs: from * ms,
  toNs: to * ms,
});

describe('the timeline of CPUs', () => {
  it('shows who ran where', () => {
    const text = cpuTimelineText(
      {
        cpus: 2,
        slices: [
          slice(0, 0, 0, 3),
          slice(0, 1, 3, 5),
          slice(0, 0, 5, 10),
          slice(1, 2, 0, 1),
          slice(1, 2, 4, 6),
        ],
        names: ['spin-0', 'spin-1', 'sleeper'],
        fromNs: 0,
        toNs: 10 * ms,
      },
      10,
    );
    expect(text).toBe(
      ['cpu0 AAACCAAAAA', 'cpu1 B...BB....   1 column = 1 ms', 'A spin-0   B sleeper   C spin-1', ''].join(
        '\n',
      ),
    );
  });

  it('gives a column to who ran most of it, though another ran longer without a break', () => {
    const slices = [slice(0, 0, 0, 0.3), slice(0, 1, 0.3, 0.7), slice(0, 0, 0.7, 1)];
    const text = cpuTimelineText({ cpus: 1, slices, names: ['a', 'b'], fromNs: 0, toNs: ms }, 1);
    expect(text).toBe('cpu0 A   1 column = 1 ms\nA a   B b\n');
  });

  it('takes the smallest round column that fits', () => {
    const of = (length: number): string =>
      cpuTimelineText({ cpus: 1, slices: [], names: [], fromNs: 0, toNs: length * ms }, 100).trim();
    expect(of(100)).toContain('1 column = 1 ms');
    expect(of(101)).toContain('1 column = 2 ms');
    expect(of(450)).toContain('1 column = 5 ms');
  });
});
