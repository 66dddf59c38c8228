// A machine under a policy whose callbacks are written in the test: what the kernel calls in which order, and what it makes of the answers. Nothing costs
// time. Tasks are called A, B, C … in the order in which they are added; their pids count from 1000.

import { type Kfuncs, KfuncWorld } from '../../src/simulator/kfuncs/kfunc.ts';
import { kfuncTable } from '../../src/simulator/kfuncs/table.ts';
import { SimMemory } from '../../src/simulator/memory.ts';
import type { Core } from '../../src/simulator/model/core.ts';
import { type Costs, free } from '../../src/simulator/model/costs.ts';
import { CgroupMemory, type CgroupOptions } from '../../src/simulator/model/ext/cgroup-memory.ts';
import { Ext } from '../../src/simulator/model/ext/ext.ts';
import { ExtClass } from '../../src/simulator/model/ext/ext-class.ts';
import { Scx } from '../../src/simulator/model/ext/scx.ts';
import { TaskMemory } from '../../src/simulator/model/ext/task-memory.ts';
import { classNumber } from '../../src/simulator/model/flags.ts';
import { RtClass } from '../../src/simulator/model/rt-class.ts';
import { maskWords, type Shape } from '../../src/simulator/model/topology.ts';
import { emptyClass, type Life, type LittlePlayer, littlePlayer } from './little-player.ts';

/** A queue's id: halves of a u64. */
export type Id = readonly [number, number];
export const local: Id = [2, 0x80000000 | 0];
export const global: Id = [1, 0x80000000 | 0];
export const localOn = (cpu: number): Id => [cpu, 0xc0000000 | 0];
export const user = (n: number): Id => [n, 0];

/** High halves of SCX_ENQ_*. */
export const enqHigh = { preempt: 1, reenq: 1 << 8, last: 1 << 9 } as const;
export const kick = { idle: 1, preempt: 2, wait: 4 } as const;
export const ms = 1_000_000;

/** A callback: its arguments, tasks as numbers (−1 for NULL). What it gives is r0. */
export type Op = (k: Kernel, ...args: number[]) => unknown;

export interface ExtOptions {
  readonly shape?: Shape;
  /** Nothing costs anything but these. */
  readonly costs?: Partial<Costs>;
  readonly flags?: number;
  readonly timeoutMs?: number;
  readonly maxBatch?: number;
  readonly hotplugSeq?: string;
  /** By the kernel's names. */
  readonly ops?: Readonly<Record<string, Op>>;
  /** Callbacks that only say that they were called. */
  readonly hears?: readonly string[];
  readonly cgroups?: readonly string[];
  readonly cgroupOptions?: CgroupOptions;
}

/** What a callback can do. Flags are the low half, `high` the high one. */
export interface Kernel {
  insert(task: number, queue: Id, sliceNs?: number, flags?: number, high?: number): void;
  insertVtime(task: number, queue: Id, vtime: number, sliceNs?: number): void;
  moveToLocal(queue: Id): boolean;
  kick(cpu: number, flags?: number): void;
  call(name: string, ...args: number[]): number;
  address(task: number): number;
  /** Low and high half of the n-th argument of the callback that runs. */
  low(n: number): number;
  high(n: number): number;
  /** The 32-bit word at an address. */
  word(address: number): number;
  /** A line of the test's own in the log. */
  note(text: string): void;
}

export interface ExtWorld extends Kernel {
  readonly core: Core;
  readonly player: LittlePlayer;
  readonly ext: Ext;
  readonly scx: Scx;
  readonly memory: TaskMemory;
  readonly world: KfuncWorld;
  readonly sim: SimMemory;
  /** "0 enqueue A 9": CPU, callback, arguments. What a policy does not have and what nobody listens to is missing. */
  readonly log: string[];
  /** The log since the last call. */
  take(): string[];
  add(life: Life): number;
  /** Goes on up to this instant, which is over then. */
  run(untilNs: number): void;
  /** sched_ext_free() of a task that has ended. */
  bury(task: number): void;
  /** "kind: message"; '' while the policy is there. */
  exit(): string;
  /** "AB.": what runs on each CPU. */
  running(): string;
  name(task: number): string;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Which arguments of a callback are tasks. */
const taskArguments: Readonly<Record<string, readonly number[]>> = {
  dispatch: [1],
  yield: [0, 1],
  core_sched_before: [0, 1],
  update_idle: [],
  cpu_acquire: [],
  cpu_release: [],
  cpu_online: [],
  cpu_offline: [],
  init: [],
  exit: [],
  dump: [],
  dump_cpu: [],
  dump_task: [1],
  cgroup_init: [],
  cgroup_exit: [],
  cgroup_set_weight: [],
  cgroup_set_bandwidth: [],
};
/** How many arguments that are no structures; 1 where nothing else is said. */
const counts: Readonly<Record<string, number>> = {
  select_cpu: 3,
  enqueue: 2,
  dequeue: 2,
  dispatch: 2,
  stopping: 2,
  runnable: 2,
  quiescent: 2,
  yield: 2,
  set_weight: 2,
  update_idle: 2,
  cgroup_set_weight: 2,
  cgroup_set_bandwidth: 3,
  init: 0,
  exit: 0,
  dump_cpu: 3,
  dump_task: 2,
};
const cgroupFirst = /^cgroup_/;
export function extWorld(options: ExtOptions = {}): ExtWorld {
  const { shape = { cpus: 2 }, flags = 0, timeoutMs = 30_000, maxBatch = 0 } = options;
  const { core, player } = littlePlayer(shape, { tasks: 26, costs: { ...free, ...options.costs } });
  const sim = new SimMemory(2 ** 22);
  const world = new KfuncWorld(sim, sim.allocate(8, 'none'));
  world.finding = (text) => {
    throw new Error(`finding: ${text}`);
  };
  const table = kfuncTable(world).kfuncs as Kfuncs;
  const memory = new TaskMemory(sim, core);
  const log: string[] = [];
  let contextNow = 0;
  const groups = new CgroupMemory(sim, options.cgroups ?? [], options.cgroupOptions);
  const name = (task: number): string => letters[task] ?? `task ${task}`;
  const kernel: Kernel = {
    address: (task) => memory.addressOf(task),
    low: (n) => sim.i32[(contextNow >>> 2) + 2 * n]!,
    word: (address) => sim.i32[address >>> 2]!,
    high: (n) => sim.i32[(contextNow >>> 2) + 2 * n + 1]!,
    call: (kfunc, ...args) => table[kfunc]!.run(...args) ?? 0,
    insert: (task, [low, high], sliceNs = 20 * ms, enqFlags = 0, enqFlagsHigh = 0) => {
      kernel.call(
        'scx_bpf_dsq_insert',
        memory.addressOf(task),
        low,
        high,
        sliceNs,
        0,
        enqFlags,
        enqFlagsHigh,
      );
    },
    insertVtime: (task, [low, high], vtime, sliceNs = 20 * ms) => {
      const p = memory.addressOf(task);
      kernel.call('scx_bpf_dsq_insert_vtime', p, low, high, sliceNs, 0, vtime, 0, 0, 0);
    },
    moveToLocal: ([low, high]) => kernel.call('scx_bpf_dsq_move_to_local', low, high) !== 0,
    kick: (cpu, kickFlags = 0) => {
      kernel.call('scx_bpf_kick_cpu', cpu, kickFlags, 0);
    },
    note: (text) => {
      log.push(text);
    },
  };
  const entries = new Map<string, (context: number) => number>();
  const { ops = {}, hears = [] } = options;
  for (const op of new Set([...hears, ...Object.keys(ops)])) {
    const tasks = taskArguments[op] ?? [0];
    entries.set(op, (context) => {
      contextNow = context;
      const args = Array.from({ length: counts[op] ?? 1 }, (_, i) => sim.i32[(context >>> 2) + 2 * i]!);
      const own = args.map((arg, i) => (tasks.includes(i) ? memory.taskOf(arg) : arg));
      if (hears.includes(op)) {
        const shown = own.map((arg, i) => {
          if (tasks.includes(i)) return arg < 0 ? '-' : name(arg);
          if (i === 0 && cgroupFirst.test(op)) return `cgroup${groups.numberOf(arg)}`;
          return String(arg);
        });
        log.push([core.execCpu, op, ...shown].join(' '));
      }
      const result = ops[op]?.(kernel, ...own);
      return typeof result === 'number' ? result : 0;
    });
  }
  const program = {
    name: 'test',
    entries,
    call: () => 0,
    executedAt: 0,
    clockAt: 8,
    takeExecutedByPointer: () => 0,
    frames: { address: 0, bytes: 0 },
  };
  const { hotplugSeq } = options;
  const values = { name: 'test', flags, timeoutMs, dispatchMaxBatch: maxBatch };
  const scx = new Scx(
    core,
    sim,
    memory,
    program,
    hotplugSeq === undefined ? values : { ...values, hotplugSeq },
  );
  const ext = new Ext(scx, sim, core.firstFreeSlot);
  const extClass = new ExtClass(ext);
  const rt = new RtClass(core);
  core.classes.push(rt, { ...emptyClass }, extClass);
  core.idleListener = ext;
  core.afterwards = ext;
  core.onAttributes = (task) => memory.attributesChanged(task);
  const stopSlot = core.firstFreeSlot + 1;
  player.onSlot = (slot) => {
    if (slot === stopSlot) core.stopped = true;
    else ext.watchdog.check();
  };
  ext.cpuMemory.placeIdleTasks(groups.cssSetOf(-1), groups.taskGroupOf(-1));
  Object.assign(world, { core, scx, ext, dispatch: ext.dispatch, tasks: memory, cgroups: groups });
  for (const each of [rt, extClass]) {
    const fork = each.fork.bind(each);
    each.fork = (task: number): void => {
      memory.born(task, name(task), 1000 + task, -1, groups.cssSetOf(core.tasks.cgroup[task]!));
      if (ext.initTask(task, true)) fork(task);
    };
  }
  let taken = 0;
  ext.attach(groups);
  return {
    ...kernel,
    core,
    player,
    ext,
    scx,
    memory,
    world,
    sim,
    log,
    take: () => {
      const since = log.slice(taken);
      taken = log.length;
      return since;
    },
    add: (life) => player.add({ schedClass: classNumber.ext, ...life }),
    run: (untilNs) => {
      core.wheel.set(stopSlot, untilNs + 1);
      core.run(Number.POSITIVE_INFINITY);
      core.stopped = scx.exit !== undefined;
    },
    bury: (task) => {
      core.classOf(task).dead(task);
      ext.exitTask(task, false);
      memory.gone(task);
    },
    exit: () => (scx.exit === undefined ? '' : `${scx.exit.kind}: ${scx.exit.message}`),
    running: () => [...core.cpus.curr].map((task) => (task < 0 ? '.' : name(task))).join(''),
    name,
  };
}

/** A mask of CPUs as setAffinity takes it. */
export function maskOf(...cpus: readonly number[]): Int32Array {
  const mask = new Int32Array(maskWords);
  for (const cpu of cpus) mask[cpu >> 5]! |= 1 << (cpu & 31);
  return mask;
}

/** What every callback of a task's life says, in the order of the kernel's struct. */
export const lifeOps = [
  'select_cpu',
  'enqueue',
  'dequeue',
  'dispatch',
  'tick',
  'runnable',
  'running',
  'stopping',
  'quiescent',
  'set_weight',
  'set_cpumask',
  'init_task',
  'exit_task',
  'enable',
  'disable',
] as const;
