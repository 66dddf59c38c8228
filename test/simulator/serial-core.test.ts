// Emulated CPUs in turns, by hand calculation: two CPUs, whose device timer rings 1.753 ms after each tick. Nothing costs anything but where a test says so.

import { describe, expect, it } from 'vitest';
import { type Costs, free } from '../../src/simulator/model/costs.ts';
import { FairClass } from '../../src/simulator/model/fair/fair-class.ts';
import { SerialCore } from '../../src/simulator/model/serial-core.ts';
import { Tasks } from '../../src/simulator/model/tables.ts';
import { createTopology } from '../../src/simulator/model/topology.ts';
import { emptyClass, type Life, LittlePlayer } from './little-player.ts';

/** "time cpu prev→next" of every switch up to `untilNs`. */
function switches(lives: readonly Life[], untilNs: number, costs: Partial<Costs> = {}): string[] {
  const topology = createTopology({ cpus: 2 });
  const core = new SerialCore(new Tasks(lives.length), topology, { ...free, isSerial: true, ...costs }, 2);
  const player = new LittlePlayer(core);
  core.classes.push(emptyClass, new FairClass(core, {}));
  core.startTicks(4_000_000);
  for (const life of lives) player.add(life);
  const seen: string[] = [];
  core.recorder = {
    switched: (cpu, prev, next, at) => seen.push(`${at} ${cpu} ${prev}→${next}`),
    woke: () => {},
  };
  core.run(untilNs);
  return seen;
}

const on = (cpu: number, runNs: number, more: Partial<Life> = {}): Life => ({
  runNs,
  affinity: [cpu],
  startCpu: 0,
  rounds: 1,
  ...more,
});

describe('turns', () => {
  it('are half of the time to the next timer, and a half of what is left, with two CPUs', () => {
    // 1753 µs to the device's timer: CPU 0 has 876.5, and only then CPU 1 hears that it has work
    expect(switches([on(0, 50e6), on(1, 50e6)], 1_753_000)).toEqual(['0 0 -1→0', '876500 1 -1→1']);
  });

  it('end a RUN when its CPU has a turn again, at the next reading of its clock', () => {
    // 1 ms of CPU time is over while CPU 1 has its turn of 438.25 µs, up to 1314.75; of its own chunk of 100 µs task 0 had done 76.5
    expect(switches([on(0, 1e6), on(1, 50e6)], 1_753_000)).toContain('1338250 0 0→-1');
  });

  it('pass over idle CPUs, and time over all of them', () => {
    // nobody else: turns of CPU 0 add up
    expect(switches([on(0, 1e6)], 2_000_000)).toEqual(['0 0 -1→0', '1000000 0 0→-1']);
    expect(switches([on(0, 1e6, { startNs: 10e6 })], 20e6)).toEqual(['10000000 0 -1→0', '11000000 0 0→-1']);
  });
});

describe('the kernel’s work in turns', () => {
  it('takes time on the clock that all share', () => {
    // 100 µs to come and 100 µs for idle to come; a RUN that has not begun waits for them
    const costs = { switchNs: 100_000 };
    expect(switches([on(0, 1e6)], 3_000_000, costs)).toEqual(['0 0 -1→0', '1100000 0 0→-1']);
  });

  it('is counted in the CPU time of a RUN that is under way', () => {
    // two ticks of 50 µs within a RUN of 9 ms: it is over no later
    expect(switches([on(0, 9e6)], 20e6, { tickNs: 50_000 })).toContain('9000000 0 0→-1');
  });
});
