// Which loads follow a pointer that was read out of a kernel's structure: there null and wild pointers read 0, where any other null pointer is a fault. What registers and spilled
// registers hold is followed through each function, and from call to call. Source: check_ptr_to_btf_access(), convert_ctx_accesses() (BPF_PROBE_MEM),
// kernel/bpf/verifier.c, and ex_handler_bpf(), arch/x86/net/bpf_jit_comp.c, v6.18.
import type { Instruction } from '../bpf/instructions.ts';
import type { Flow } from './flow.ts';
import { type Of, writtenRegister } from './program.ts';

export interface KernelPointers {
  /** By function: slots of loads that read a pointer to a structure out of one of the kernel's. */
  readonly loads: readonly ReadonlySet<number>[];
  /** The call gives a pointer that may be followed without a look whether it is null. */
  gives(call: Of<'call'>): boolean;
  /** By function that the kernel enters: the arguments in its context that may be null. */
  readonly entries: ReadonlyMap<number, readonly number[]>;
  /** Functions whose address is taken. */
  readonly callbacks: readonly number[];
}

/** What a register holds: nothing that is known of; a pointer that the kernel vouches for; one that was read out of a structure; the context of an entry. */
type Kind = 0 | 1 | 2 | 3;
const [unknown, trusted, walked, context] = [0, 1, 2, 3] as const;
const slots = 64;
const registers = 11;
/** Of the state: registers, then what the frame holds in 8 bytes each, from r10 down. */
const stateSize = registers + slots;
/** No way leads here yet. */
const none = 255;

/** By function: slots of the loads whose base is such a pointer. Undefined: there is none in the whole program. */
export function walkedLoads(
  flows: readonly Flow[],
  pointers: KernelPointers,
): ReadonlySet<number>[] | undefined {
  const calls = new Calls(flows, pointers);
  if (!calls.isNew) return undefined;
  while (calls.isNew) calls.sweep();
  return calls.probes();
}

function join(a: number, b: number): number {
  if (a === b || b === none) return a;
  if (a === none) return b;
  // a pointer that is sometimes vouched for: the verifier takes both for what it knows less of
  return (a === walked && b === trusted) || (a === trusted && b === walked) ? walked : unknown;
}

/** What functions are given and give, until nothing new is found. Functions that no such pointer comes to are not looked into. */
class Calls {
  isNew = false;
  readonly #flows: readonly Flow[];
  readonly #pointers: KernelPointers;
  /** By function: r1 to r5, and r0 at its end. */
  readonly #arguments: Uint8Array;
  readonly #results: Uint8Array;
  /** By function: who calls it; 1 where there are such pointers; how much of the state it uses. */
  readonly #callers: number[][];
  readonly #isTouched: Uint8Array;
  readonly #sizes: Uint8Array;

  constructor(flows: readonly Flow[], pointers: KernelPointers) {
    this.#flows = flows;
    this.#pointers = pointers;
    this.#arguments = new Uint8Array(flows.length * 5).fill(none);
    this.#results = new Uint8Array(flows.length).fill(none);
    this.#callers = flows.map(() => []);
    this.#isTouched = new Uint8Array(flows.length);
    this.#sizes = new Uint8Array(flows.length).fill(registers);
    for (let fn = 0; fn < flows.length; fn++) this.#read(fn);
    for (let fn = 0; fn < flows.length; fn++) {
      const isEntry = pointers.entries.has(fn);
      // who is only called back gets what nobody here knows
      const isOpen = isEntry || pointers.callbacks.includes(fn) || this.#callers[fn]!.length === 0;
      if (isOpen || this.#callers[fn]!.some((caller) => this.#isTouched[caller] === 0))
        this.#arguments.fill(unknown, fn * 5, fn * 5 + 5);
      if (isEntry) this.#arguments[fn * 5] = context;
    }
  }

  /** Its calls, how deep its frame is, and whether it takes such pointers itself. */
  #read(fn: number): void {
    const loads = this.#pointers.loads[fn]!;
    if (loads.size > 0 && escapes(this.#flows[fn]!, loads)) this.#touch(fn);
    for (const { instructions } of this.#flows[fn]!.blocks)
      for (let i = 0; i < instructions.length; i++) {
        const code = instructions[i]!;
        if ((code.dst === 10 || code.src === 10) && code.offset < 0) {
          const deepest = registers + Math.min(slots, Math.ceil(-code.offset / 8));
          if (deepest > this.#sizes[fn]!) this.#sizes[fn] = deepest;
        }
        if (code.kind !== 'call') continue;
        if (code.what === 'function') this.#callers[code.target]!.push(fn);
        else if (this.#pointers.gives(code)) this.#touch(fn);
      }
  }

  #touch(fn: number): void {
    if (this.#isTouched[fn] === 1) return;
    this.#isTouched[fn] = 1;
    this.isNew = true;
  }

  sweep(): void {
    this.isNew = false;
    for (let fn = 0; fn < this.#flows.length; fn++) if (this.#isTouched[fn] === 1) this.#walk(fn, undefined);
  }

  probes(): ReadonlySet<number>[] {
    return this.#flows.map((_, fn) => {
      const found = new Set<number>();
      if (this.#isTouched[fn] === 1) this.#walk(fn, found);
      return found;
    });
  }

  /** Through a function, until the states at its blocks do not change. `found`: takes the loads. */
  #walk(fn: number, found: Set<number> | undefined): void {
    if (this.#arguments[fn * 5] === none) return; // nobody calls it as far as is known
    const { blocks } = this.#flows[fn]!;
    const size = this.#sizes[fn]!;
    const entries = new Uint8Array(blocks.length * size).fill(none);
    entries.fill(unknown, 0, size);
    entries.set(this.#arguments.subarray(fn * 5, fn * 5 + 5), 1);
    const isDue = new Uint8Array(blocks.length);
    isDue[0] = 1;
    const state = new Uint8Array(stateSize);
    for (let block = 0; block < blocks.length; block++) {
      if (isDue[block] === 0) continue;
      isDue[block] = 0;
      const { instructions, choice, next } = blocks[block]!;
      state.set(entries.subarray(block * size, (block + 1) * size));
      for (let i = 0; i < instructions.length; i++) this.#step(fn, state, instructions[i]!);
      if (choice !== undefined) this.#choose(fn, state, choice.taken, choice.otherwise);
      let again = blocks.length;
      for (const to of next) {
        if (!merge(entries, to, state, size)) continue;
        isDue[to] = 1;
        again = Math.min(again, to);
      }
      if (again <= block) block = again - 1;
    }
    if (found === undefined) return;
    for (let block = 0; block < blocks.length; block++) {
      state.set(entries.subarray(block * size, (block + 1) * size));
      for (const code of blocks[block]!.instructions) {
        if (code.kind === 'load' && state[code.src] === walked) found.add(code.at);
        this.#step(fn, state, code);
      }
    }
  }

  #choose(
    fn: number,
    state: Uint8Array,
    taken: readonly Instruction[],
    otherwise: readonly Instruction[],
  ): void {
    const other = state.slice();
    for (const code of taken) this.#step(fn, state, code);
    for (const code of otherwise) this.#step(fn, other, code);
    for (let i = 0; i < stateSize; i++) state[i] = join(state[i]!, other[i]!);
  }

  #step(fn: number, state: Uint8Array, code: Instruction): void {
    switch (code.kind) {
      case 'mov':
        state[code.dst] = code.fromSrc && code.width === 64 ? state[code.src]! : unknown;
        return;
      case 'alu':
        // a constant added to a pointer leaves it one; the context is only read at constant offsets
        if (code.op === 'add' && code.width === 64 && !code.fromSrc && state[code.dst] !== context) return;
        state[code.dst] = unknown;
        return;
      case 'load':
        state[code.dst] = this.#loaded(fn, state, code);
        return;
      case 'store':
        if (code.dst === 10) spill(state, code.offset, code.bytes, code.fromSrc ? state[code.src]! : unknown);
        return;
      case 'call':
        this.#call(state, code);
        return;
      case 'exit':
        if (this.#note(this.#results, fn, state[0]!) && this.#results[fn] === walked)
          for (const caller of this.#callers[fn]!) this.#touch(caller);
        return;
      default: {
        const register = code.kind === 'cmpxchg' ? 0 : writtenRegister(code);
        if (register !== undefined) state[register] = unknown;
        if ('dst' in code && code.dst === 10) spill(state, code.offset, 8, unknown);
      }
    }
  }

  #loaded(fn: number, state: Uint8Array, { at, bytes, src, offset }: Of<'load'>): Kind {
    if (bytes !== 8) return unknown;
    if (this.#pointers.loads[fn]!.has(at)) return walked;
    const slot = slotOf(offset);
    if (src === 10 && slot !== undefined) return state[registers + slot] as Kind;
    if (state[src] !== context) return unknown;
    return this.#pointers.entries.get(fn)?.includes(offset / 8) === true ? unknown : trusted;
  }

  #call(state: Uint8Array, code: Of<'call'>): void {
    let result: number = unknown;
    if (code.what === 'function') {
      for (let i = 0; i < 5; i++)
        if (this.#note(this.#arguments, code.target * 5 + i, state[1 + i]!) && state[1 + i] === walked)
          this.#touch(code.target);
      result = this.#isTouched[code.target] === 1 ? this.#results[code.target]! : unknown;
    } else if (this.#pointers.gives(code)) result = walked;
    state.fill(unknown, 1, 6);
    state[0] = result;
  }

  /** One more way in which it is called, or ends. Answers whether that is new. */
  #note(kinds: Uint8Array, at: number, kind: number): boolean {
    const given = kind === context ? unknown : kind;
    const joined = join(kinds[at]!, given);
    if (joined === kinds[at]) return false;
    kinds[at] = joined;
    this.isNew = true;
    return true;
  }
}

/** Whether such a pointer is followed or kept beyond its block. Most are not: they are handed to a kfunc at once, and then there is nothing to find out. */
function escapes({ blocks }: Flow, loads: ReadonlySet<number>): boolean {
  for (const { instructions, choice, next } of blocks) {
    /** The registers that hold one, a bit each. */
    let held = 0;
    for (let i = 0; i < instructions.length; i++) {
      const code = instructions[i]!;
      if (code.kind === 'load' && loads.has(code.at)) held |= 1 << code.dst;
      else if (held === 0) continue;
      else if (code.kind === 'mov' && code.fromSrc && isHeld(held, code.src)) held |= 1 << code.dst;
      else if (code.kind === 'call') {
        if (code.what === 'function' && (held & argumentBits) !== 0) return true;
        held &= ~(argumentBits | 1);
      } else if (code.kind === 'alu' && !isHeld(held, code.src)) {
        if (code.fromSrc) held &= ~(1 << code.dst);
      } else if (code.kind === 'mov') held &= ~(1 << code.dst);
      else if (code.kind === 'load' && !isHeld(held, code.src)) held &= ~(1 << code.dst);
      else return true;
    }
    if (held !== 0 && (choice !== undefined || next.length > 0)) return true;
  }
  return false;
}

/** r1 to r5. */
const argumentBits = 0b111110;

function isHeld(held: number, register: number): boolean {
  return (held & (1 << register)) !== 0;
}

/** Whether the state at the beginning of a block has changed. */
function merge(entries: Uint8Array, block: number, state: Uint8Array, size: number): boolean {
  let isNew = false;
  for (let i = 0, at = block * size; i < size; i++, at++) {
    const known = entries[at]!;
    if (known === state[i]) continue;
    const joined = join(known, state[i]!);
    if (joined === known) continue;
    entries[at] = joined;
    isNew = true;
  }
  return isNew;
}

/** Number of the 8 aligned bytes at this offset from r10. */
function slotOf(offset: number): number | undefined {
  return offset < 0 && offset >= -8 * slots && offset % 8 === 0 ? -offset / 8 - 1 : undefined;
}

function spill(state: Uint8Array, offset: number, bytes: number, kind: number): void {
  const slot = slotOf(offset);
  if (slot !== undefined && bytes === 8) {
    state[registers + slot] = kind;
    return;
  }
  for (let at = offset; at < offset + bytes; at++)
    if (at < 0 && at >= -8 * slots) state[registers + Math.ceil(-at / 8) - 1] = unknown;
}
