// Time on CPUs, moves between them, classes: expected times follow by hand from what each task has to do. Two classes, real-time above the default scheduler.

import { describe, expect, it } from 'vitest';
import { type Life, littlePlayer, type World } from '../../../test/simulator/little-player.ts';
import { setAffinity, setMigrationDisabled, setNice, setOnline } from './changes.ts';
import { free } from './costs.ts';
import { FairClass } from './fair/fair-class.ts';
import { classNumber, schedPolicy } from './flags.ts';
import { RtClass } from './rt-class.ts';
import { maskWords, type Shape } from './topology.ts';

const ms = 1_000_000;
const rt = { schedClass: classNumber.rt, policy: schedPolicy.fifo } as const;

interface Lived extends World {
  /** Milliseconds at which each task ended; by task. */
  readonly ended: number[];
  /** "2: 1 → 0" for a switch at 2 ms, on CPU 0 alone; −1 is idle, or the stopper. */
  readonly onCpu0: string[];
}

function live(
  shape: Shape,
  lives: readonly Life[],
  at: ReadonlyMap<number, (world: World) => void> = new Map(),
  costs = free,
): Lived {
  const world = littlePlayer(shape, { costs });
  const { core, player } = world;
  core.classes.push(new RtClass(core), new FairClass(core, { seed: 1 }));
  const ended: number[] = [];
  const onCpu0: string[] = [];
  core.recorder = {
    woke() {},
    switched(cpu, prev, next, atNs) {
      if (prev >= 0 && core.tasks.state[prev] === 3) ended[prev] = atNs / ms;
      if (cpu === 0 && prev !== next) onCpu0.push(`${atNs / ms}: ${prev} → ${next}`);
    },
  };
  for (const life of lives) player.add({ rounds: 1, ...life });
  const acts = [...at].map(([atMs, act], i) => ({ slot: core.firstFreeSlot + i, atMs, act }));
  player.onSlot = (slot) => {
    core.execCpu = 0;
    acts.find((one) => one.slot === slot)?.act(world);
  };
  for (const { slot, atMs } of acts) core.wheel.set(slot, atMs * ms);
  core.run(100 * ms);
  return { ...world, ended, onCpu0 };
}

const mask = (...cpus: number[]): Int32Array => {
  const words = new Int32Array(maskWords);
  for (const cpu of cpus) words[cpu >> 5]! |= 1 << (cpu & 31);
  return words;
};

describe('work', () => {
  it('takes as much longer as a CPU is slower', () => {
    const lives = [0, 1].map((cpu) => ({ runNs: 6 * ms, affinity: [cpu], startCpu: cpu }));
    expect(live({ cpus: 2, capacities: [1024, 512] }, lives).ended).toEqual([6, 12]);
  });

  it('is slowed down by a busy sibling, as long as that is busy', () => {
    const lives = [2, 6].map((work, cpu) => ({ runNs: work * ms, affinity: [cpu], startCpu: cpu }));
    const costs = { ...free, smtShare: 0.5 };
    // both at half speed until 4 ms; then the second has 4 ms left, at full speed
    expect(live({ cpus: 2, threads: 2 }, lives, new Map(), costs).ended).toEqual([4, 8]);
    expect(live({ cpus: 2 }, lives, new Map(), costs).ended).toEqual([2, 6]);
  });
});

describe('a real-time task', () => {
  it('has its CPU at once and until it is done; others of its kind wait their turn', () => {
    const { ended, onCpu0 } = live({ cpus: 1 }, [
      { runNs: 10 * ms },
      { runNs: 6 * ms, startNs: 2 * ms, ...rt },
      { runNs: 3 * ms, startNs: 3 * ms, ...rt },
    ]);
    expect(onCpu0).toEqual(['0: -1 → 0', '2: 0 → 1', '8: 1 → 2', '11: 2 → 0', '19: 0 → -1']);
    expect(ended).toEqual([19, 8, 11]);
  });

  it('that yields lets those go first who wait (yield_task_rt), and goes on when nobody does', () => {
    const yielding = { runNs: 2 * ms, rounds: 3, yields: true, ...rt };
    const { ended, onCpu0 } = live({ cpus: 1 }, [yielding, yielding]);
    expect(onCpu0).toEqual([
      '0: -1 → 0',
      '2: 0 → 1',
      '4: 1 → 0',
      '6: 0 → 1',
      '8: 1 → 0',
      '10: 0 → 1',
      '12: 1 → -1',
    ]);
    expect(ended).toEqual([10, 12]);
    expect(live({ cpus: 1 }, [yielding]).onCpu0).toEqual(['0: -1 → 0', '6: 0 → -1']);
  });

  it('keeps its place when its nice value changes (set_user_nice)', () => {
    const lives = [0, 1, 2].map(() => ({ runNs: 4 * ms, ...rt }));
    const at = new Map([[2, ({ core }: World) => setNice(core, 1, 5)]]);
    const { ended, core } = live({ cpus: 1 }, lives, at);
    expect(ended).toEqual([4, 8, 12]);
    expect(core.tasks.nice[1]).toBe(5);
  });

  it('goes to a CPU without one', () => {
    const lives = [0, 1].map(() => ({ runNs: 5 * ms, startNs: ms, ...rt }));
    expect(live({ cpus: 2 }, [{ runNs: 8 * ms, affinity: [1], startCpu: 1 }, ...lives]).ended).toEqual([
      13, 6, 6,
    ]);
  });
});

describe('a task that may not stay', () => {
  const leave = new Map([[3, ({ core }: World) => setAffinity(core, 0, mask(1))]]);

  it('leaves at once with the work that is left, and goes where it may', () => {
    const { ended, core, onCpu0 } = live({ cpus: 2 }, [{ runNs: 10 * ms, affinity: [0] }], leave);
    expect(onCpu0).toEqual(['0: -1 → 0', '3: 0 → -1']);
    expect(ended).toEqual([10]);
    expect(core.tasks.lastRan[0]).toBe(1);
  });

  it('stays while migration is disabled, and leaves when it is not any more', () => {
    const at = new Map([
      [2, ({ core }: World) => setMigrationDisabled(core, 0, true)],
      ...leave,
      [5, ({ core }: World) => setMigrationDisabled(core, 0, false)],
    ]);
    const { ended, onCpu0 } = live({ cpus: 2 }, [{ runNs: 10 * ms, affinity: [0] }], at);
    expect(onCpu0).toEqual(['0: -1 → 0', '5: 0 → -1']);
    expect(ended).toEqual([10]);
  });

  it('leaves a CPU that goes, as those do that wait there; the last CPU cannot go', () => {
    const answers: boolean[] = [];
    const at = new Map([
      [2, ({ core }: World) => void answers.push(setOnline(core, 0, false))],
      [3, ({ core }: World) => void answers.push(setOnline(core, 1, false))],
    ]);
    const lives = [0, 1].map(() => ({ runNs: 4 * ms, startCpu: 0, ...rt, affinity: [0, 1] }));
    const { ended, core } = live({ cpus: 2 }, [...lives, { runNs: 4 * ms, affinity: [0] }], at);
    expect(answers).toEqual([true, false]);
    expect([...core.cpus.online]).toEqual([0, 1]);
    // two real-time tasks on two CPUs until 2 ms, then one after the other; the third may use CPU 0 alone, and goes on where there is one
    expect(ended.slice(0, 2).sort()).toEqual([4, 6]);
    expect(ended[2]).toBe(10);
  });
});
