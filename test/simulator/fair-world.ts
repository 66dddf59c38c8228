// A machine with only the fair class, for its tests.

import { FairClass, type GroupSpec } from '../../src/simulator/model/fair/fair-class.ts';
import type { FairSettings } from '../../src/simulator/model/fair/features.ts';
import type { Shape } from '../../src/simulator/model/topology.ts';
import { emptyClass, type Life, littlePlayer, type World } from './little-player.ts';

export interface FairWorld extends World {
  readonly fair: FairClass;
}

export function fairWorld(
  shape: Shape,
  lives: readonly Life[],
  settings: FairSettings = {},
  groups: readonly GroupSpec[] = [],
): FairWorld {
  const world = littlePlayer(shape, { tasks: lives.length + 8 });
  const fair = new FairClass(world.core, settings);
  world.core.classes.push(emptyClass, fair);
  if (groups.length > 0) {
    fair.createGroups(groups);
    fair.bandwidth.useSlot(world.core.firstFreeSlot);
    world.player.onSlot = () => fair.bandwidth.timer();
  }
  for (const life of lives) world.player.add(life);
  return { ...world, fair };
}

/** CPU time of each task in ms. */
export function ranMs(world: World): number[] {
  const { tasks } = world.core;
  return Array.from({ length: tasks.count }, (_, task) => tasks.sumExec[task]! / 1e6);
}

export interface Switch {
  readonly cpu: number;
  readonly prev: number;
  readonly next: number;
  readonly atNs: number;
}

/** Filled while the world runs. */
export function switchesOf(world: World): Switch[] {
  const switches: Switch[] = [];
  world.core.recorder = {
    switched: (cpu, prev, next, atNs) => switches.push({ cpu, prev, next, atNs }),
    woke() {},
  };
  return switches;
}
