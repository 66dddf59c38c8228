// BPF timers: their states, the helpers that change them, and what happens when one is due. Source: kernel/bpf/helpers.c (bpf_timer_cb(),
// __bpf_async_init(), bpf_timer_start(), bpf_timer_cancel(), bpf_timer_cancel_and_free()), kernel/time/hrtimer.c, v6.18.
import { assert } from '../../lib/assert.ts';
import { EBUSY, EDEADLK, EINVAL } from '../maps/errno.ts';
import type { SimMap } from '../maps/map.ts';
import { flagsOf, type Helpers, type HelperWorld, mapIn, needWritable, unsigned } from './world.ts';

const timerBytes = 16;
const clock = { realtime: 0, monotonic: 1, boottime: 7 } as const;
const flag = { absolute: 1, cpuPin: 2 } as const;
const two63 = 2 ** 63;

interface Timer {
  /** Where the bpf_timer is; 0: gone. */
  address: number;
  map: SimMap;
  clock: number;
  /** 0: none. */
  callback: number;
  active: boolean;
}

/** Timers are numbered; a bpf_timer holds its number + 1, as in the kernel it holds a pointer. */
export class Timers {
  readonly #world: HelperWorld;
  #timers: Timer[] = [];
  #free: number[] = [];
  #running = -1;

  constructor(world: HelperWorld) {
    this.#world = world;
  }

  /** A new simulation: forgets all timers. */
  reset(): void {
    this.#timers = [];
    this.#free = [];
    this.#running = -1;
  }

  /** The time has come that `armTimer` was told. Calls back with the map, the key and the value. */
  fire(number: number): void {
    const timer = this.#timers[number];
    assert(timer?.active, `timer ${number} is not armed`);
    timer.active = false;
    if (timer.callback === 0) return;
    const value = timer.address - timer.map.timerOffset;
    const key = timer.map.keyOfValue(value);
    this.#running = number;
    this.#world.callback(timer.callback, timer.map.handle, key, value, 0);
    this.#running = -1;
    if (timer.address === 0) this.#free.push(number);
  }

  /** The value at this address goes, and with it the timer that it may hold. */
  forget(address: number): void {
    const number = this.#numberAt(address);
    if (number < 0) return;
    const timer = this.#timers[number]!;
    this.#disarm(number, timer);
    timer.address = 0;
    timer.callback = 0;
    this.#world.memory.u32[address >>> 2] = 0;
    if (number !== this.#running) this.#free.push(number);
  }

  init(at: number, handle: number, low: number, high: number): number {
    const name = 'bpf_timer_init';
    needWritable(this.#world, name, 1, at, timerBytes);
    const map = mapIn(this.#world, name, handle);
    if (map.timerOffset < 0) this.#world.finding(`${name}: values of map ${map.name} hold no bpf_timer`);
    const wanted = flagsOf(low, high);
    if (wanted !== clock.monotonic && wanted !== clock.realtime && wanted !== clock.boottime) return -EINVAL;
    if (this.#numberAt(at) >= 0) return -EBUSY;
    const number = this.#free.pop() ?? this.#timers.length;
    this.#timers[number] = { address: at, map, clock: wanted, callback: 0, active: false };
    this.#world.memory.u32[at >>> 2] = number + 1;
    return 0;
  }

  setCallback(at: number, callback: number): number {
    needWritable(this.#world, 'bpf_timer_set_callback', 1, at, timerBytes);
    const timer = this.#timers[this.#numberAt(at)];
    if (timer === undefined) return -EINVAL;
    timer.callback = callback;
    return 0;
  }

  /** Whatever was asked before is replaced. */
  start(at: number, nsLow: number, nsHigh: number, low: number, high: number): number {
    const world = this.#world;
    needWritable(world, 'bpf_timer_start', 1, at, timerBytes);
    const flags = flagsOf(low, high);
    if (flags < 0 || (flags & ~(flag.absolute | flag.cpuPin)) !== 0) return -EINVAL;
    const number = this.#numberAt(at);
    const timer = this.#timers[number];
    if (timer === undefined || timer.callback === 0) return -EINVAL;
    const isAbsolute = (flags & flag.absolute) !== 0;
    if (isAbsolute && timer.clock === clock.realtime)
      world.finding('bpf_timer_start: a point in time of CLOCK_REALTIME is not modelled');
    this.#disarm(number, timer);
    timer.active = true;
    const due = dueAt(world.nowNs(), unsigned(nsLow, nsHigh), isAbsolute);
    if (due <= Number.MAX_SAFE_INTEGER) world.armTimer(number, due, world.cpu(), (flags & flag.cpuPin) !== 0);
    return 0;
  }

  /** 1 if the timer was armed. It needs a callback again before it can be started again. */
  cancel(at: number): number {
    needWritable(this.#world, 'bpf_timer_cancel', 1, at, timerBytes);
    const number = this.#numberAt(at);
    const timer = this.#timers[number];
    if (timer === undefined) return -EINVAL;
    if (number === this.#running) return -EDEADLK;
    timer.callback = 0;
    return this.#disarm(number, timer);
  }

  #disarm(number: number, timer: Timer): number {
    if (!timer.active) return 0;
    this.#world.disarmTimer(number);
    timer.active = false;
    return 1;
  }

  /** −1 when there is no timer at this address. */
  #numberAt(address: number): number {
    const number = this.#world.memory.u32[address >>> 2]! - 1;
    return this.#timers[number]?.address === address ? number : -1;
  }
}

/** The kernel reads the 64 bits as signed: what lies in the past is due now, what overflows never is. */
function dueAt(nowNs: number, ns: number, isAbsolute: boolean): number {
  if (isAbsolute) return ns >= two63 ? nowNs : Math.max(nowNs, ns);
  return ns >= two63 ? Number.POSITIVE_INFINITY : nowNs + ns;
}

export function timerHelpers(timers: Timers): Helpers {
  const result = 'signed';
  return {
    169: {
      name: 'bpf_timer_init',
      params: ['low', 'low', 'wide'],
      result,
      run: (at, handle, low, high) => timers.init(at!, handle!, low!, high!),
    },
    170: {
      name: 'bpf_timer_set_callback',
      params: ['low', 'low'],
      result,
      run: (at, callback) => timers.setCallback(at!, callback!),
    },
    171: {
      name: 'bpf_timer_start',
      params: ['low', 'wide', 'wide'],
      result,
      run: (at, nsLow, nsHigh, low, high) => timers.start(at!, nsLow!, nsHigh!, low!, high!),
    },
    172: { name: 'bpf_timer_cancel', params: ['low'], result, run: (at) => timers.cancel(at!) },
  };
}
