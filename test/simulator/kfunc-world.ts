// A machine with tasks and a policy that has no code, for tests of kfuncs: the test itself plays the program.

import { type Kfuncs, KfuncWorld } from '../../src/simulator/kfuncs/kfunc.ts';
import { type KfuncTable, kfuncTable } from '../../src/simulator/kfuncs/table.ts';
import { SimMemory } from '../../src/simulator/memory.ts';
import type { Core } from '../../src/simulator/model/core.ts';
import { CgroupMemory } from '../../src/simulator/model/ext/cgroup-memory.ts';
import { Ext } from '../../src/simulator/model/ext/ext.ts';
import { Scx } from '../../src/simulator/model/ext/scx.ts';
import { TaskMemory } from '../../src/simulator/model/ext/task-memory.ts';
import { classNumber } from '../../src/simulator/model/flags.ts';
import { maskWords, type Shape } from '../../src/simulator/model/topology.ts';
import { littlePlayer } from './little-player.ts';

/** The program did what no verifier lets through. */
export class Finding extends Error {}

export interface KfuncWorldOptions {
  readonly shape?: Shape;
  /** Low half of ops.flags. */
  readonly flags?: number;
  /** It has ops.update_idle. */
  readonly updateIdle?: boolean;
  readonly cgroups?: readonly string[];
  /** Name of the cgroup that holds the others. */
  readonly parent?: string;
  /** Cgroup of each task, −1 the root; their number is that of the tasks. Pids count from 1000. */
  readonly tasks?: readonly number[];
}

export interface TestKfuncs {
  readonly world: KfuncWorld;
  readonly core: Core;
  readonly memory: SimMemory;
  readonly table: KfuncTable;
  readonly cgroups: CgroupMemory;
  /** Calls a kfunc; wide arguments are two numbers. */
  call(name: string, ...args: number[]): number;
  /** Lets the test act as a callback of this kfMask. */
  within(mask: number, run: () => void, argument?: number): void;
  /** Address of the i-th task. */
  task(i: number): number;
  /** "kind: message" of the exit; '' while there is none. */
  exit(): string;
  /** Bytes that a program may write, 8-aligned. */
  bytes(count: number): number;
  /** What the kfunc put into the high half. */
  high(): number;
}

export function kfuncTest(options: KfuncWorldOptions = {}): TestKfuncs {
  const { shape = { cpus: 4 }, flags = 0, cgroups: names = [], tasks = [-1, -1], parent } = options;
  const { core } = littlePlayer(shape, { tasks: 16 });
  const memory = new SimMemory(2 ** 21);
  const resultHigh = memory.allocate(8, 'none');
  const world = new KfuncWorld(memory, resultHigh);
  world.finding = (text) => {
    throw new Finding(text);
  };
  const table = kfuncTable(world);
  const cgroups = new CgroupMemory(memory, names, parent === undefined ? {} : { parent });
  const taskMemory = new TaskMemory(memory, core);
  const program = {
    name: 'none',
    entries: new Map(options.updateIdle ? [['update_idle', () => 0]] : []),
    call: () => 0,
    executedAt: 0,
    clockAt: 8,
    takeExecutedByPointer: () => 0,
    frames: { address: 0, bytes: 0 },
  };
  const values = { name: 'none', flags, timeoutMs: 0, dispatchMaxBatch: 2 };
  const scx = new Scx(core, memory, taskMemory, program, values);
  const ext = new Ext(scx, memory, core.firstFreeSlot);
  ext.cpuMemory.placeIdleTasks(cgroups.cssSetOf(-1), cgroups.taskGroupOf(-1));
  Object.assign(world, { core, scx, ext, dispatch: ext.dispatch, tasks: taskMemory, cgroups });
  scx.idle.reset();
  for (const [i, cgroup] of tasks.entries()) addTask(core, taskMemory, i, cgroups.cssSetOf(cgroup));
  return {
    world,
    core,
    memory,
    table,
    cgroups,
    call: (name, ...args) => (table.kfuncs as Kfuncs)[name]!.run(...args) ?? 0,
    within: (mask, run, argument = 0) => {
      const act = (): number => {
        run();
        return 0;
      };
      scx.ops.call(act, mask, argument, 0, 0, 0, 0);
    },
    task: (i) => taskMemory.addressOf(i),
    exit: () => (scx.exit === undefined ? '' : `${scx.exit.kind}: ${scx.exit.message}`),
    bytes: (count) => memory.allocate(count, 'write'),
    high: () => memory.i32[resultHigh >>> 2]!,
  };
}

function addTask(core: Core, memory: TaskMemory, i: number, cssSet: number): void {
  const task = core.tasks.add();
  const { cpus, allMask } = core.topology;
  core.tasks.mask.set(allMask, task * maskWords);
  core.tasks.allowed[task] = cpus;
  core.tasks.schedClass[task] = classNumber.ext;
  memory.born(task, `task${i}`, 1000 + i, -1, cssSet);
}
