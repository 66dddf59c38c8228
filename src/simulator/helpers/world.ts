// What helpers need of the simulation around them, how one helper looks, and the checks that they share. In the kernel the verifier has checked what
// pointers and maps helpers get; here the helper checks, and a program that would not have been loaded ends with a finding.
import type { Callee } from '../../jit/translate.ts';
import type { SimMap } from '../maps/map.ts';
import type { SimMemory } from '../memory.ts';
import type { InlineOf } from '../program/words.ts';

/** Made once for all simulations of an engine. Times are integer nanoseconds; addresses and pointers are numbers in the simulation's memory. */
export interface HelperWorld {
  readonly memory: SimMemory;
  readonly cpus: number;
  /** Nanoseconds a tick: 1e9 / HZ. */
  readonly jiffyNs: number;
  /** Address of the i32 that takes the high half of `wide` results. */
  readonly resultHigh: number;
  /** CLOCK_MONOTONIC (and CLOCK_BOOTTIME: nothing suspends). */
  nowNs(): number;
  /** The CPU on which the program runs. */
  cpu(): number;
  nodeOf(cpu: number): number;
  /** Uniform uint32. */
  random(): number;
  /** The task that runs on this CPU, or −1: the CPU's idle task. */
  currentTask(): number;
  /** Address of the task_struct; −1 is this CPU's idle task. */
  taskAddress(task: number): number;
  /** −1 if the address is no task's. */
  taskOf(address: number): number;
  pidOf(task: number): number;
  tgidOf(task: number): number;
  /** Address of the 16 bytes of the task's comm. */
  commOf(task: number): number;
  /** The cgroup's number, −1 if the address is no cgroup's. */
  cgroupOf(address: number): number;
  mapOf(handle: number): SimMap | undefined;
  /** All maps. */
  readonly maps: readonly SimMap[];
  /** A CPU's own copy of the kernel's per-CPU variable at this address; 0 if there is none. */
  perCpu(address: number, cpu: number): number;
  /** Calls a BPF function by its pointer; gives the low half of r0. */
  callback(pointer: number, a: number, b: number, c: number, d: number): number;
  /** Asks for `Timers.fire(timer)` at that time, instead of what was asked before. */
  armTimer(timer: number, atNs: number, cpu: number, isPinned: boolean): void;
  disarmTimer(timer: number): void;
  /** One character a byte, as the program gave it. */
  print(text: string): void;
  /** Ends the simulation. */
  finding(text: string): never;
}

/** Arguments are the i32s of the callee's parameters, low halves first; so is the result. */
export interface Helper extends Omit<Callee, 'inline'> {
  readonly run: (...args: number[]) => number;
  readonly inline?: InlineOf;
}
export type Helpers = Readonly<Record<number, Helper>>;

const two32 = 2 ** 32;

/** A whole number in [0, 2⁵³) as a `wide` result. */
export function wide(world: HelperWorld, value: number): number {
  world.memory.i32[world.resultHigh >>> 2] = Math.floor(value / two32);
  return value | 0;
}

/** [low, high] as an unsigned number, exact below 2⁵³. */
export function unsigned(low: number, high: number): number {
  return (high >>> 0) * two32 + (low >>> 0);
}

/** A flags argument: its number when it is small, else −1, which no helper knows. */
export function flagsOf(low: number, high: number): number {
  return high === 0 && low >= 0 ? low : -1;
}

export function needReadable(
  world: HelperWorld,
  helper: string,
  register: number,
  address: number,
  bytes: number,
): void {
  if (!world.memory.readable(address, bytes))
    bad(world, helper, register, address, `${bytes} readable bytes`);
}

export function needWritable(
  world: HelperWorld,
  helper: string,
  register: number,
  address: number,
  bytes: number,
): void {
  if (!world.memory.writable(address, bytes))
    bad(world, helper, register, address, `${bytes} writable bytes`);
}

export function mapIn(world: HelperWorld, helper: string, handle: number): SimMap {
  return world.mapOf(handle) ?? bad(world, helper, 1, handle, 'a map');
}

export function bad(
  world: HelperWorld,
  helper: string,
  register: number,
  address: number,
  wanted: string,
): never {
  return world.finding(
    `${helper}: r${register} is 0x${(address >>> 0).toString(16)}, not the address of ${wanted}`,
  );
}
