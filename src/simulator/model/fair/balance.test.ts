import { describe, expect, it } from 'vitest';
import { type FairWorld, fairWorld, switchesOf } from '../../../../test/simulator/fair-world.ts';
import type { Life } from '../../../../test/simulator/little-player.ts';
import { setAffinity } from '../changes.ts';
import { createTopology, maskWords, type Shape } from '../topology.ts';
import { buildDomains } from './domains.ts';

const ms = 1_000_000;
const hog: Life = { runNs: Number.POSITIVE_INFINITY };
const on = (cpu: number, life: Life = hog): Life => ({ ...life, affinity: [cpu], startCpu: cpu });
const steady = { features: ['NO_NI_RANDOM'] };

/** `count` hogs on CPU 0, which may go everywhere from `atMs` on. */
function letLoose(shape: Shape, count: number, atMs: number): FairWorld {
  const world = fairWorld(
    shape,
    Array.from({ length: count }, () => on(0)),
  );
  const { core } = world;
  core.run(atMs * ms);
  core.now = atMs * ms;
  for (let task = 0; task < count; task++) setAffinity(core, task, everyCpu(world));
  return world;
}

function everyCpu({ core }: FairWorld): Int32Array {
  const all = new Int32Array(maskWords);
  all.set(core.topology.allMask);
  return all;
}

const counts = ({ core }: FairWorld): number[] => Array.from(core.cpus.nrRunning);

describe('idle CPUs', () => {
  it('come to their tasks at ticks of the busy one, until each has its own', () => {
    const world = letLoose({ cpus: 4 }, 4, 40);
    world.core.run(80 * ms);
    expect(counts(world)).toEqual([1, 1, 1, 1]);
  });

  it('of other LLCs and nodes do too, though less often: 16 CPUs in 2 nodes', () => {
    const world = letLoose({ cpus: 16, nodes: 2, llcs: 4 }, 16, 40);
    world.core.run(400 * ms);
    expect(counts(world)).toEqual(Array(16).fill(1));
  });

  it('of 256 in 16 LLCs take two of 512 each in the end, each LLC its part soon', () => {
    const world = letLoose({ cpus: 256, llcs: 16, threads: 2 }, 512, 40);
    world.core.run(4000 * ms);
    expect(Math.max(...counts(world))).toBeLessThanOrEqual(4);
    expect(Math.min(...counts(world))).toBeGreaterThanOrEqual(1);
  });

  it('pull a running task in the end: from two busy threads of a core to an idle core', () => {
    // CPUs c and c + 4 are a core
    const world = fairWorld(
      { cpus: 8, threads: 2 },
      [0, 4, 1, 5].map((cpu) => on(cpu)),
    );
    const { core } = world;
    core.run(40 * ms);
    for (let task = 0; task < 4; task++) setAffinity(core, task, everyCpu(world));
    core.run(400 * ms);
    const cores = [0, 1, 2, 3].map((cpu) => counts(world)[cpu]! + counts(world)[cpu + 4]!);
    expect(cores).toEqual([1, 1, 1, 1]);
  });

  it('leave alone what may not leave', () => {
    const world = fairWorld({ cpus: 2 }, [on(0), on(0), on(0)]);
    world.core.run(200 * ms);
    expect(counts(world)).toEqual([3, 0]);
  });
});

describe('busy CPUs', () => {
  it('even out by load: three hogs of eight move from one to the other', () => {
    const world = fairWorld({ cpus: 2 }, [...Array.from({ length: 7 }, () => on(0)), on(1)]);
    const { core } = world;
    core.run(200 * ms);
    expect(counts(world)).toEqual([7, 1]);
    for (let task = 0; task < 7; task++) setAffinity(core, task, everyCpu(world));
    core.run(1000 * ms);
    expect(counts(world)).toEqual([4, 4]);
  });

  it('count weights, not tasks: one of nice −5 outweighs three of nice 0', () => {
    // 3121 against 3 × 1024: they sit on a CPU each as they are
    const world = fairWorld({ cpus: 2 }, [
      { ...hog, nice: -5, startCpu: 0 },
      ...Array.from({ length: 3 }, () => ({ ...hog, startCpu: 1 })),
    ]);
    world.core.run(1500 * ms);
    const { tasks } = world.core;
    expect(tasks.sumExec[0]! / world.core.now).toBeGreaterThan(0.85);
  });
});

describe('a CPU that goes idle', () => {
  it('takes a task that waits elsewhere at once', () => {
    const short = { runNs: 10 * ms, rounds: 1 };
    const world = fairWorld({ cpus: 2 }, [on(1, short), hog, hog, { ...hog, startNs: 5 * ms }], steady);
    const switches = switchesOf(world);
    world.core.run(11 * ms);
    const left = switches.find((s) => s.prev === 0)!;
    expect(left.next).toBeGreaterThan(0);
  });

  it('looks no more once looking costs more than it is idle', () => {
    const world = fairWorld(
      { cpus: 2 },
      [on(0), on(0), hog, on(1, { runNs: 0.1 * ms, sleepNs: 0.1 * ms })],
      steady,
    );
    world.core.run(100 * ms);
    const { machine } = world.fair;
    const [domain] = machine.domains[1]!;
    domain!.newidleCost = 2 * ms;
    const before = domain!.newidleCalls;
    world.core.run(110 * ms);
    expect(domain!.newidleCalls).toBe(before);
  });
});

describe('domains', () => {
  const levels = (shape: Shape): string[] =>
    buildDomains(createTopology(shape))[0]!.map(({ level }) => level);

  it('are those that differ from the level below', () => {
    expect(levels({ cpus: 1 })).toEqual([]);
    expect(levels({ cpus: 4 })).toEqual(['llc']); // as the guest shows: one domain, MC
    expect(levels({ cpus: 8, threads: 2 })).toEqual(['smt', 'llc']);
    expect(levels({ cpus: 8, llcs: 2 })).toEqual(['llc', 'package']);
    expect(levels({ cpus: 8, llcs: 8 })).toEqual(['package']);
    expect(levels({ cpus: 256, nodes: 2, llcs: 16, threads: 2 })).toEqual(['smt', 'llc', 'package', 'numa']);
  });

  it('have the groups of the level below, which cover them once', () => {
    for (const list of buildDomains(createTopology({ cpus: 64, nodes: 2, llcs: 8, threads: 2 })))
      for (const domain of list) {
        const cpus = domain.groups.flatMap((group) => Array.from(group.cpus)).sort((a, b) => a - b);
        expect(cpus).toEqual(Array.from(domain.cpus));
        const below = domain.child === undefined ? 1 : domain.child.cpus.length;
        for (const group of domain.groups) expect(group.cpus).toHaveLength(below);
      }
  });
});
