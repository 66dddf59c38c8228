import { describe, expect, it } from 'vitest';
import { fairWorld } from '../../../../test/simulator/fair-world.ts';
import type { Life } from '../../../../test/simulator/little-player.ts';
import { taskState } from '../flags.ts';
import type { Shape } from '../topology.ts';
import { WakeAffine } from './wake-affine.ts';

const ms = 1_000_000;
const hog: Life = { runNs: Number.POSITIVE_INFINITY };
const on = (cpu: number, life: Life = hog): Life => ({ ...life, affinity: [cpu], startCpu: cpu });
/** Runs a moment at its start, then sleeps for good. */
const sleeper = (cpu: number): Life => ({ runNs: 1000, sleepNs: 1e13, startCpu: cpu });

/** A task that has slept on `prev` is woken by code on `here`: where does it go? */
function wokenFrom(
  here: number,
  prev: number,
  shape: Shape,
  busy: readonly number[],
  more: { flags?: number; hint?: number } = {},
): number {
  const world = fairWorld(shape, [
    { ...sleeper(prev) },
    ...busy.map((cpu) => on(cpu, { ...hog, startNs: 2 * ms })),
  ]);
  const { core, fair } = world;
  const { tasks } = core;
  // it begins alone on `prev`: all others are forbidden until it sleeps
  tasks.mask.fill(0, 0, 8);
  tasks.mask[prev >> 5] = 1 << (prev & 31);
  tasks.allowed[0] = 1;
  core.run(10 * ms);
  expect(tasks.state[0]).toBe(taskState.sleeping);
  expect(tasks.cpu[0]).toBe(prev);
  tasks.mask.fill(-1, 0, 8);
  tasks.allowed[0] = shape.cpus;
  core.now = 10 * ms;
  core.execCpu = here;
  if (more.hint !== undefined) fair.machine.idleScan.fill(more.hint);
  core.wake(0, more.flags ?? 0);
  return tasks.cpu[0]!;
}

describe('a task that wakes', () => {
  const two = { cpus: 8, llcs: 2 };

  it('goes back to its CPU when that is idle', () => {
    expect(wokenFrom(0, 3, two, [0])).toBe(3);
    expect(wokenFrom(0, 3, two, [])).toBe(3);
  });

  it('goes to the idle CPU of an interrupt rather than to a busy one, when they share a cache', () => {
    expect(wokenFrom(1, 3, two, [3])).toBe(1);
  });

  it('goes to an idle CPU of the same LLC when its own is busy, the next one round', () => {
    expect(wokenFrom(2, 2, two, [2])).toBe(3);
    expect(wokenFrom(2, 2, two, [2, 3])).toBe(0);
    expect(wokenFrom(6, 6, two, [6])).toBe(7);
  });

  it('stays in the LLC of its target when nothing is idle there, however idle the other is', () => {
    expect(wokenFrom(2, 2, two, [0, 1, 2, 3])).toBe(2);
  });

  it('comes to the LLC of its waker when that has less load', () => {
    // CPUs 0 to 3 have a hog each, CPU 5 has two: 1024 on one side, 2048 on the other; an idle CPU of LLC 1 is not looked for from LLC 0
    expect(wokenFrom(0, 5, two, [0, 1, 2, 3, 5, 5])).toBeLessThan(4);
    expect(wokenFrom(0, 5, two, [0, 0, 1, 2, 3, 5])).toBeGreaterThan(3);
  });

  it('is no further looked for when the LLC is said to be busy (SIS_UTIL)', () => {
    const place = (hint: number): number => wokenFrom(0, 0, { cpus: 4 }, [0], { hint });
    expect(place(0)).toBe(0);
    expect(place(4)).toBe(1);
    // not even for a core that is idle as a whole
    const ofCores = (hint: number): number => wokenFrom(0, 0, { cpus: 8, threads: 2 }, [0, 4], { hint });
    expect(ofCores(0)).toBe(0);
    expect(ofCores(4)).toBe(1);
  });

  it('prefers a core that is idle as a whole', () => {
    // cores 0 to 3 have threads c and c + 4; CPUs 0 and 5 are busy, so 4 and 1 are half of busy cores
    expect(wokenFrom(0, 0, { cpus: 8, threads: 2 }, [0, 5])).toBe(2);
  });

  it('stacks on a waker that is about to sleep and runs alone there', () => {
    const sync = 0x10;
    expect(wokenFrom(0, 3, { cpus: 4 }, [0, 1, 2, 3], { flags: sync })).toBe(0);
  });
});

describe('a waker of many', () => {
  // wake_wide: the wakee changes its own wakees at least as often as the LLC has CPUs, and the waker that many times more often.
  it('does not pull them to it', () => {
    const { core, fair } = fairWorld({ cpus: 4, llcs: 2 }, [on(0), on(3), hog, hog]);
    core.run(0);
    const affine = new WakeAffine(fair.machine);
    for (const wakee of [2, 3]) affine.record(3, wakee);
    for (const wakee of [1, 2, 1]) affine.record(0, wakee);
    expect(affine.isWide(0, 1)).toBe(false); // 3 changes against 2
    affine.record(0, 1);
    expect(affine.isWide(0, 1)).toBe(false); // the same wakee again
    affine.record(0, 2);
    expect(affine.isWide(0, 1)).toBe(true); // 4 = 2 × 2
  });
});

describe('new tasks', () => {
  const loads = (shape: Shape, hogs: number): number[] => {
    const world = fairWorld(
      shape,
      Array.from({ length: hogs }, () => hog),
    );
    world.core.run(0.05 * ms);
    const { nrRunning } = world.core.cpus;
    return Array.from(nrRunning);
  };

  it('take every CPU of the machine before any second: 256 CPUs in 2 nodes of 8 LLCs, two threads a core', () => {
    expect(loads({ cpus: 256, nodes: 2, llcs: 16, threads: 2 }, 256).filter((n) => n === 1)).toHaveLength(
      256,
    );
  });

  it('take a CPU of every core before the second threads', () => {
    const counts = loads({ cpus: 16, threads: 2 }, 8);
    for (let core = 0; core < 8; core++) expect(counts[core]! + counts[core + 8]!).toBe(1);
  });

  it('spread evenly over LLCs', () => {
    const counts = loads({ cpus: 64, llcs: 4 }, 32);
    for (let llc = 0; llc < 4; llc++)
      expect(counts.slice(16 * llc, 16 * llc + 16).reduce((a, b) => a + b, 0)).toBe(8);
  });

  it('go to no CPU that they may not use', () => {
    const world = fairWorld(
      { cpus: 8, llcs: 2 },
      Array.from({ length: 6 }, () => ({ ...hog, affinity: [5, 6, 7] })),
    );
    world.core.run(0.05 * ms);
    const { nrRunning } = world.core.cpus;
    expect(Array.from(nrRunning.slice(0, 5))).toEqual([0, 0, 0, 0, 0]);
    expect(Array.from(nrRunning.slice(5))).toEqual([2, 2, 2]);
  });
});
