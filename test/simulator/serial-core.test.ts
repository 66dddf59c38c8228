// Emulated CPUs in turns, by hand calculation: two CPUs, whose device timer rings 1.753 ms after each tick. Nothing costs anything but where a test says so.

import { describe, expect, it } from 'vitest';
import { type Costs, free } from '../../src/simulator/model/costs.ts';
import { FairClass } from '../../src/simulator/model/fair/fair-class.ts';
import { SerialCore } from '../../src/simulator/model/serial-core.ts';
import { Tasks } from '../../src/simulator/model/tables.ts';
import { createTopology, type Shape } from '../../src/simulator/model/topology.ts';
import { emptyClass, type Life, LittlePlayer } from './little-player.ts';

/** "time cpu prev→next" of every switch up to `untilNs`, and "time task" of every wakeup. */
function watch(
  lives: readonly Life[],
  untilNs: number,
  costs: Partial<Costs> = {},
  shape: Partial<Shape> = {},
) {
  const topology = createTopology({ cpus: 2, ...shape });
  const core = new SerialCore(new Tasks(lives.length), topology, { ...free, isSerial: true, ...costs }, 2);
  const player = new LittlePlayer(core);
  core.classes.push(emptyClass, new FairClass(core, {}));
  core.startTicks(4_000_000);
  for (const life of lives) player.add(life);
  const switched: string[] = [];
  const woken: string[] = [];
  core.recorder = {
    switched: (cpu, prev, next, at) => switched.push(`${at} ${cpu} ${prev}→${next}`),
    woke: (task, _, at) => woken.push(`${at} ${task}`),
  };
  core.run(untilNs);
  return { switched, woken };
}

const switches = (...given: Parameters<typeof watch>): string[] => watch(...given).switched;

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

describe('a slower CPU', () => {
  it.each([512, 307, 1])(
    'takes longer for the same work, to the next whole nanosecond: %i of 1024',
    (capacity) => {
      const end = Math.ceil((100_000 * 1024) / capacity);
      const seen = switches([on(0, 100_000)], 200e6, {}, { capacities: [capacity, 1024] });
      expect(seen).toEqual(['0 0 -1→0', `${end} 0 0→-1`]);
    },
  );

  it('has turns as long as those of others', () => {
    // 876.5 µs each to begin with; what they do meanwhile is their own affair
    const seen = switches([on(0, 50e6), on(1, 50e6)], 1_753_000, {}, { capacities: [307, 1024] });
    expect(seen).toEqual(['0 0 -1→0', '876500 1 -1→1']);
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

describe('the run queue of a CPU that was cut while it was choosing', () => {
  /** CPU 0 hears at 0.9 ms of a task for CPU 1 and of one of its own; CPU 1 switches to task 0 from the beginning. */
  const woken = (switchNs: number): string[] =>
    watch([on(1, 9e6), on(1, 1e6, { startNs: 900_000 }), on(0, 1e6, { startNs: 900_000 })], 1_700_000, {
      switchNs,
    }).woken;

  it('is free when it has chosen', () => {
    expect(woken(0)).toEqual(['0 0', '900000 1', '900000 2']);
  });

  it('makes who needs it wait for a turn of that CPU', () => {
    // of 3 ms CPU 1 owes 2.1, more than half: CPU 0 gives up its turn, and CPU 1 has half of the 853 µs to the device's timer
    expect(woken(3e6)).toEqual(['0 0', '900000 1', '1326500 2']);
  });
});

describe('an exit', () => {
  /** Beside a hog on CPU 0, task 0 runs twice for 100 µs, the second time on CPU 1, and its exit takes 50 µs. */
  function leaves(affinity: readonly number[], startCpu: number): string[] {
    const core = new SerialCore(new Tasks(2), createTopology({ cpus: 2 }), { ...free, isSerial: true }, 2);
    const player = new LittlePlayer(core);
    core.classes.push(emptyClass, new FairClass(core, {}));
    core.startTicks(4_000_000);
    player.add({ runNs: 100_000, sleepNs: 1_000_000, rounds: 2, affinity, startCpu });
    player.add(on(0, 50e6, { startNs: 500_000 }));
    const advance = player.advance.bind(player);
    player.advance = (task) => {
      const step = advance(task);
      if (step === 'exit') core.charge(50_000);
      return step;
    };
    const found: string[] = [];
    core.recorder = {
      switched: (cpu, prev, next, at) => found.push(`${at} ${cpu} ${prev}→${next}`),
      woke: () => {},
    };
    core.run(1_753_000);
    return found.filter((text) => text.includes(' 0→'));
  }

  it('of a task that has used one CPU is over when it is done', () => {
    // woken at 1.1 ms; CPU 0 has half of the 653 µs to the device's timer, then CPU 1 its turn
    expect(leaves([1], 1)).toEqual(['100000 1 0→-1', '1576500 1 0→-1']);
  });

  it('of a task that has used two waits for the other to answer: it has its turn first, half of 176.5 µs', () => {
    expect(leaves([0, 1], 0)).toEqual(['100000 0 0→-1', '1664750 1 0→-1']);
  });
});
