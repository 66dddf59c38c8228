// A world for helpers: one task for each of a few numbers, cgroups likewise, a clock and a random stream that tests set, what was asked of it.
import { createHelpers } from '../../src/simulator/helpers/table.ts';
import { Timers } from '../../src/simulator/helpers/timers.ts';
import type { Helper, HelperWorld } from '../../src/simulator/helpers/world.ts';
import type { SimMap } from '../../src/simulator/maps/map.ts';
import { MapTable } from '../../src/simulator/maps/table.ts';
import { Finding, type TestWorld, testWorld } from './maps.ts';

const cpus = 4;

export interface HelperLab {
  readonly world: HelperWorld;
  readonly maps: TestWorld;
  readonly timers: Timers;
  readonly armed: Map<number, { atNs: number; cpu: number; isPinned: boolean }>;
  readonly printed: string[];
  readonly tasks: readonly number[];
  readonly cgroups: readonly number[];
  /** Set by tests. */
  now: number;
  cpu: number;
  current: number;
  onCallback: (pointer: number, args: number[]) => number;
  add<T extends SimMap>(map: T): T;
  call(number: number, ...args: number[]): number;
  /** High half of the last wide result. */
  high(): number;
}

export function helperLab(): HelperLab {
  const maps = testWorld(cpus);
  const { memory } = maps;
  const table = new MapTable(memory);
  const resultHigh = memory.allocate(4, 'none');
  const perCpuVariable = memory.allocate(cpus * 64, 'read');
  const tasks = [0, 1, 2].map(() => memory.allocate(64, 'read'));
  const cgroups = [0, 1].map(() => memory.allocate(64, 'read'));
  const armed = new Map<number, { atNs: number; cpu: number; isPinned: boolean }>();
  const printed: string[] = [];
  const world: HelperWorld = {
    memory,
    cpus,
    jiffyNs: 4_000_000,
    resultHigh,
    maps: table.maps,
    nowNs: () => lab.now,
    cpu: () => lab.cpu,
    nodeOf: (cpu) => cpu >> 1,
    random: () => 0xdead_beef,
    currentTask: () => lab.current,
    taskAddress: (task) => tasks[task]!,
    taskOf: (address) => tasks.indexOf(address),
    pidOf: (task) => 100 + task,
    tgidOf: (task) => 50 + task,
    commOf: (task) => tasks[task]! + 16,
    cgroupOf: (address) => cgroups.indexOf(address),
    mapOf: (handle) => table.of(handle),
    perCpu: (address, cpu) => (address === perCpuVariable ? address + cpu * 64 : 0),
    callback: (pointer, ...args) => lab.onCallback(pointer, args),
    armTimer: (timer, atNs, cpu, isPinned) => armed.set(timer, { atNs, cpu, isPinned }),
    disarmTimer: (timer) => armed.delete(timer),
    print: (text) => printed.push(text),
    finding: (text) => {
      throw new Finding(text);
    },
  };
  const timers = new Timers(world);
  const helpers = createHelpers(world, timers);
  const lab: HelperLab = {
    world,
    maps: { ...maps, forgetTimer: (address) => timers.forget(address) },
    timers,
    armed,
    printed,
    tasks: [...tasks, perCpuVariable],
    cgroups,
    now: 0,
    cpu: 0,
    current: 0,
    onCallback: () => 0,
    add: (map) => {
      table.add(map);
      return map;
    },
    call: (number, ...args) => run(helpers[number]!, args),
    high: () => memory.i32[resultHigh >>> 2]!,
  };
  return lab;
}

/** Crosses the boundary as WebAssembly does: int32 in, int32 out, one argument for each half. */
function run(helper: Helper, args: number[]): number {
  const wanted = helper.params.reduce((sum, kind) => sum + (kind === 'wide' ? 2 : 1), 0);
  if (args.length !== wanted) throw new Error(`${helper.name} takes ${wanted} halves, not ${args.length}`);
  return helper.run(...args.map((arg) => arg | 0)) | 0;
}
