// What BPF helpers find around them: the model kernel through the eyes of a program. One object for the life of an engine; `begin` gives it the parts
// of the next simulation.

import { createRandom, type Random } from '../lib/random.ts';
import type { HelperWorld } from './helpers/world.ts';
import { taskStruct } from './kernel/structs.ts';
import type { SimMap } from './maps/map.ts';
import type { SimMemory } from './memory.ts';
import { thePlayer, tickNs } from './model/contracts.ts';
import type { Core } from './model/core.ts';
import type { CgroupMemory } from './model/ext/cgroup-memory.ts';
import type { Ext } from './model/ext/ext.ts';
import type { TaskMemory } from './model/ext/task-memory.ts';
import { SimFinding } from './program/instance.ts';
import { words } from './program/words.ts';

const two32 = 4_294_967_296;
/** Lines of bpf_printk that are kept. */
const mostPrinted = 1000;

export class Surroundings implements HelperWorld {
  readonly memory: SimMemory;
  readonly resultHigh: number;
  readonly jiffyNs = tickNs;
  readonly printed: string[] = [];
  maps: readonly SimMap[] = [];
  #core!: Core;
  #ext!: Ext;
  #tasks!: TaskMemory;
  #cgroups!: CgroupMemory;
  #random!: Random;
  /** Address of a per-CPU variable → addresses of its copies. */
  readonly #perCpu = new Map<number, readonly number[]>();
  readonly #ksyms = new Map<string, number>();
  /** Wheel slots for timers: those never used from the first on, those given back, and which timer has which. */
  #unusedSlot = 0;
  #slotsEnd = 0;
  readonly #freeSlots: number[] = [];
  readonly #slotOf = new Map<number, number>();
  readonly #timerOf = new Map<number, { timer: number; cpu: number }>();

  constructor(memory: SimMemory, resultHigh: number) {
    this.memory = memory;
    this.resultHigh = resultHigh;
  }

  /** The model of the next simulation, before its policy is loaded. `slots` wheel slots from `firstSlot` on are for BPF timers. */
  begin(core: Core, seed: number, firstSlot: number, slots: number): void {
    this.#core = core;
    this.#random = createRandom(seed);
    this.#unusedSlot = firstSlot;
    this.#slotsEnd = firstSlot + slots;
    this.#freeSlots.length = 0;
    this.maps = [];
    this.printed.length = 0;
    for (const map of [this.#perCpu, this.#ksyms, this.#slotOf, this.#timerOf]) map.clear();
    this.#setWord(words.cpus, core.topology.cpus);
    this.#setWord(words.nodes, core.topology.nodes);
    this.#perCpuVariable('sd_llc_id', (cpu) => this.#firstCpuOfLlc(cpu));
  }

  /** The policy, when it is loaded. */
  attached(ext: Ext, cgroups: CgroupMemory, maps: readonly SimMap[]): void {
    this.#ext = ext;
    this.#tasks = ext.scx.memory;
    this.#cgroups = cgroups;
    this.#setWord(words.tasks, this.#tasks.base);
    this.maps = maps;
    maps.forEach(({ handle }, number) => {
      this.memory.i32[handle >>> 2] = number;
    });
  }

  #setWord(word: number, value: number): void {
    this.memory.i32[(this.resultHigh + word) >>> 2] = value;
  }

  /** The kernel numbers an LLC by its first CPU (update_top_cache_domain, kernel/sched/topology.c). */
  #firstCpuOfLlc(cpu: number): number {
    const { llcOf } = this.#core.topology;
    return llcOf.indexOf(llcOf[cpu]!);
  }

  #perCpuVariable(name: string, value: (cpu: number) => number): void {
    const handle = this.memory.allocate(8, 'none');
    const copies = Array.from({ length: this.cpus }, (_, cpu) => {
      const address = this.memory.allocate(4, 'read');
      this.memory.i32[address >>> 2] = value(cpu);
      return address;
    });
    this.#ksyms.set(name, handle);
    this.#perCpu.set(handle, copies);
  }

  /** Address of a kernel variable; undefined when the simulator has none. */
  ksym(name: string): number | undefined {
    return this.#ksyms.get(name);
  }

  get cpus(): number {
    return this.#core.topology.cpus;
  }

  nowNs(): number {
    return this.#core.now;
  }

  cpu(): number {
    return this.#core.execCpu;
  }

  nodeOf(cpu: number): number {
    return this.#core.topology.nodeOf[cpu]!;
  }

  random(): number {
    return this.#random.below(two32);
  }

  currentTask(): number {
    const { cpus, execCpu, visitor } = this.#core;
    return visitor === execCpu ? thePlayer : cpus.curr[execCpu]!;
  }

  taskAddress(task: number): number {
    if (task === thePlayer) return this.#ext.cpuMemory.player;
    return task < 0 ? this.#ext.idleTaskOf(this.#core.execCpu) : this.#tasks.addressOf(task);
  }

  taskOf(address: number): number {
    return this.#tasks.taskOf(address);
  }

  pidOf(task: number): number {
    if (task === thePlayer) return 1;
    return task < 0 ? 0 : this.#tasks.pid(task);
  }

  tgidOf(task: number): number {
    return this.pidOf(task);
  }

  commOf(task: number): number {
    return this.taskAddress(task) + taskStruct.offsets.comm;
  }

  cgroupOf(address: number): number {
    return this.#cgroups.numberOf(address);
  }

  mapOf(handle: number): SimMap | undefined {
    const map = this.maps[this.memory.i32[handle >>> 2]!];
    return map !== undefined && map.handle === handle ? map : undefined;
  }

  perCpu(address: number, cpu: number): number {
    return this.#perCpu.get(address)?.[cpu] ?? 0;
  }

  callback(pointer: number, a: number, b: number, c: number, d: number): number {
    return this.#ext.scx.ops.callPointer(pointer, a, b, c, d);
  }

  armTimer(timer: number, atNs: number, cpu: number): void {
    const slot = this.#slotOf.get(timer) ?? this.#freeSlots.pop() ?? this.#takeSlot();
    if (slot === undefined)
      this.finding('more BPF timers are armed at once than the simulator has slots for');
    this.#slotOf.set(timer, slot);
    this.#timerOf.set(slot, { timer, cpu });
    this.#core.wheel.set(slot, Math.max(atNs, this.#core.now));
  }

  #takeSlot(): number | undefined {
    return this.#unusedSlot < this.#slotsEnd ? this.#unusedSlot++ : undefined;
  }

  disarmTimer(timer: number): void {
    const slot = this.#slotOf.get(timer);
    if (slot === undefined) return;
    this.#core.wheel.clear(slot);
    this.#release(timer, slot);
  }

  /** A wheel slot has come due: which timer it was; undefined when it is none. The timer is not armed any more. */
  dueTimer(slot: number): { readonly timer: number; readonly cpu: number } | undefined {
    const due = this.#timerOf.get(slot);
    if (due !== undefined) this.#release(due.timer, slot);
    return due;
  }

  #release(timer: number, slot: number): void {
    this.#slotOf.delete(timer);
    this.#timerOf.delete(slot);
    this.#freeSlots.push(slot);
  }

  print(text: string): void {
    if (this.printed.length < mostPrinted) this.printed.push(text);
  }

  finding(text: string): never {
    throw new SimFinding('bad-program', text);
  }
}
