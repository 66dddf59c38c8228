// The one linear memory of a simulation: what BPF programs can address, a shadow that says what they may touch, and an allocator whose addresses
// depend on nothing but the calls. The shadow is the one that jit/translate.ts asks (see there).
import { assert } from '../lib/assert.ts';

export type Permission = 'read' | 'write' | 'none';

const pageBytes = 65_536;
/** Nothing below may be read: null, and null plus an offset into any sane struct. */
const nullGuardBytes = 65_536;
/** In front of each block, unreadable: where the block starts (or, when free, the next free one), and its size (or 0). It guards the end of the one before. */
const headerBytes = 8;
const smallestAlign = 16;
const writable = 16;
const defaultLimit = 128 * 2 ** 20;
/** Bytes up to which a loop is faster than fill(). */
const shortFill = 64;
/** One for each multiple of 16 up to 1 KiB, then eight an octave. */
const sizeClasses = 64 + 8 * 22;

/**
 * Addresses are numbers in [0, limit); the shadow of address a is the byte limit + a. The memory never grows, so the views stay valid. A byte of
 * the shadow counts how many bytes from there on may be read (up to 8), plus 16 if just these may be written; where writable bytes
 * are followed by readable ones it counts the writable ones, so one access may not straddle that border.
 */
export class SimMemory {
  readonly memory: WebAssembly.Memory;
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly limit: number;
  /** Size of the memory with its shadow, in pages of 64 KiB. */
  readonly pages: number;
  #top = nullGuardBytes + headerBytes;
  #mark = nullGuardBytes + headerBytes;
  /** First and last free block of each size class. First in, first out: an address rests before it is used again, so late uses are seen. */
  readonly #first = new Uint32Array(sizeClasses);
  readonly #last = new Uint32Array(sizeClasses);

  /** `limit`: bytes that BPF can address, a multiple of 64 KiB up to 1 GiB; as much again is the shadow. */
  constructor(limit: number = defaultLimit) {
    assert(
      limit % pageBytes === 0 && limit > nullGuardBytes && limit <= 2 ** 30,
      `no memory has ${limit} bytes`,
    );
    this.limit = limit;
    this.pages = (2 * limit) / pageBytes + 1; // what lies 64 KiB beyond the limit has a shadow too: programs are checked against it
    this.memory = new WebAssembly.Memory({ initial: this.pages, maximum: this.pages });
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
  }

  /** Bytes that were never allocated since the mark: what the largest allocation may still take, header and rounding included. */
  get available(): number {
    return this.limit - this.#top;
  }

  /** Address of `bytes` zeros, a multiple of 16 and of `align` (a power of two); 0 when the limit is reached. */
  allocate(bytes: number, permission: Permission, align = 8): number {
    // the text of an assertion is made whether it holds or not
    if (!(bytes >= 0 && align >= 1 && (align & (align - 1)) === 0))
      assert(false, `allocate ${bytes} bytes at ${align}`);
    const slack = align > smallestAlign ? align - smallestAlign : 0;
    if (bytes + slack > this.limit) return 0; // beyond 2^31 the arithmetic of sizes does not hold
    const size = blockSize(headerBytes + bytes + slack);
    const start = this.#take(size);
    if (start === 0) return 0;
    const address = (start + headerBytes + align - 1) & -align;
    this.u32[start >>> 2] = 0;
    this.u32[(address - headerBytes) >>> 2] = start;
    this.u32[(address - 4) >>> 2] = size;
    if (permission !== 'none') this.permit(address, bytes, permission);
    return address;
  }

  /** What `allocate` gave, and is not free yet: it is zero and untouchable from here on. */
  free(address: number): void {
    const { u32 } = this;
    const start = u32[(address - headerBytes) >>> 2]!;
    const size = u32[(address - 4) >>> 2]!;
    const isBlock = start >= this.#mark && start < address && size > 0 && address - start < size;
    if (!isBlock) assert(false, `free of ${address}, which is not allocated since the mark`);
    this.#clear(start, size);
    this.#clear(this.limit + start, size);
    const sizeClass = classOf(size);
    const last = this.#last[sizeClass]!;
    if (last === 0) this.#first[sizeClass] = start;
    else u32[last >>> 2] = start;
    this.#last[sizeClass] = start;
  }

  /** A whole block, or its shadow. */
  #clear(start: number, size: number): void {
    if (size > 4 * shortFill) this.u8.fill(0, start, start + size);
    else for (let at = start >>> 2; at < (start + size) >>> 2; at++) this.i32[at] = 0;
  }

  /** Says what may be done with these bytes from now on. */
  permit(address: number, bytes: number, permission: Permission): void {
    if (!(address >= nullGuardBytes && address + bytes <= this.limit))
      assert(false, `permit ${bytes} bytes at ${address}`);
    const from = this.limit + address;
    setShadow(this.u8, from, from + bytes, permission);
  }

  /** Says of a block of words what may be done with it; at its end nothing is said of what follows. `shadow`: from permissions(). */
  permitAs(address: number, shadow: Int32Array): void {
    const { i32 } = this;
    const to = (this.limit + address) >>> 2;
    for (let i = 0; i < shadow.length; i++) i32[to + i] = shadow[i]!; // TypedArray.set() takes longer below some kilobytes
  }

  /** What is allocated, or a part of it, is zero again. */
  clear(address: number, bytes: number): void {
    this.u8.fill(0, address, address + bytes);
  }

  /** Gives `count` items of `stride` bytes from `address` on what the first of them permits. */
  permitLikeFirst(address: number, stride: number, count: number): void {
    const from = this.limit + address;
    const all = stride * count;
    for (let done = stride; done < all; done *= 2)
      this.u8.copyWithin(from + done, from, from + Math.min(done, all - done));
  }

  /** Copies bytes that do not overlap. */
  copy(to: number, from: number, bytes: number): void {
    if (((to | from | bytes) & 3) !== 0 || bytes > 64) {
      this.u8.copyWithin(to, from, from + bytes);
      return;
    }
    const { i32 } = this;
    const words = bytes >>> 2;
    for (let i = 0; i < words; i++) i32[(to >>> 2) + i] = i32[(from >>> 2) + i]!;
  }

  /** May all these bytes be read? True of no bytes, wherever. */
  readable(address: number, bytes: number): boolean {
    return this.#allowed(address, bytes, 0);
  }

  writable(address: number, bytes: number): boolean {
    return this.#allowed(address, bytes, writable);
  }

  /** What is allocated from here on goes with `reset`; what is there by now may no longer be freed. */
  mark(): void {
    this.#mark = this.#top;
    this.#forgetFree();
  }

  /** Forgets what was allocated since the mark, and zeroes it; addresses repeat. What older memory holds and permits stays. */
  reset(): void {
    this.u8.fill(0, this.#mark, this.#top);
    this.u8.fill(0, this.limit + this.#mark, this.limit + this.#top);
    this.#top = this.#mark;
    this.#forgetFree();
  }

  #forgetFree(): void {
    this.#first.fill(0);
    this.#last.fill(0);
  }

  /** Start of a block of this size, or 0. */
  #take(size: number): number {
    const sizeClass = classOf(size);
    const free = this.#first[sizeClass]!;
    if (free !== 0) {
      const next = this.u32[free >>> 2]!;
      this.#first[sizeClass] = next;
      if (next === 0) this.#last[sizeClass] = 0;
      return free;
    }
    // the header of a next block guards the end of this one, even where no next block will be
    if (this.#top + size + headerBytes > this.limit) return 0;
    const start = this.#top;
    this.#top += size;
    return start;
  }

  #allowed(address: number, bytes: number, flag: number): boolean {
    if (!(address >= 0 && bytes >= 0 && address + bytes <= this.limit)) return bytes === 0;
    const { u8, limit } = this;
    const end = address + bytes;
    for (let at = address; at < end; ) {
      const shadow = u8[limit + at]!;
      const count = shadow & 15;
      if (count === 0 || (shadow & flag) !== flag) return false;
      at += count;
    }
    return true;
  }
}

/** The shadow of `bytes` bytes, as words; later ranges [from, to) count. */
export function permissions(
  bytes: number,
  ranges: readonly (readonly [from: number, to: number, permission: Permission])[],
): Int32Array {
  const [before, after] = [8, 8]; // setShadow() looks there
  const shadow = new Uint8Array(before + bytes + after);
  for (const [from, to, permission] of ranges) setShadow(shadow, before + from, before + to, permission);
  return new Int32Array(shadow.buffer, before, bytes / 4);
}

function setShadow(u8: Uint8Array, from: number, end: number, permission: Permission): void {
  const flag = permission === 'write' ? writable : 0;
  const near = permission === 'none' ? end : Math.max(from, end - 8);
  const far = permission === 'none' ? 0 : flag + 8;
  if (near - from > shortFill) u8.fill(far, from, near);
  else for (let at = from; at < near; at++) u8[at] = far;
  if (u8[end] === 0) for (let at = near; at < end; at++) u8[at] = flag + end - at;
  else for (let at = end - 1; at >= near; at--) u8[at] = countAt(u8, at, flag);
  for (let at = from - 1; at >= from - 8 && u8[at] !== 0; at--) u8[at] = countAt(u8, at, u8[at]! & writable);
}

/** The shadow of a byte from that of the following ones. */
function countAt(u8: Uint8Array, at: number, flag: number): number {
  let count = 1;
  while (count < 8) {
    const next = u8[at + count]!;
    if ((next & 15) === 0 || (next & flag) !== flag) break;
    count += next & 15;
  }
  return flag + Math.min(8, count);
}

/** Rounded up to a size class. Sizes are multiples of 16. */
function blockSize(bytes: number): number {
  if (bytes <= 1024) return (bytes + 15) & ~15;
  const step = 2 ** (Math.floor(31 - Math.clz32(bytes - 1)) - 3);
  return Math.ceil(bytes / step) * step;
}

function classOf(size: number): number {
  if (size <= 1024) return (size >>> 4) - 1;
  const octave = 31 - Math.clz32(size - 1);
  return 64 + (octave - 10) * 8 + size / 2 ** (octave - 3) - 9;
}
