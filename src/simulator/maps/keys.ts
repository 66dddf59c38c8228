// Keys in memory, wherever they lie: reading, comparing, hashing. The hash is ours (the kernel's is seeded at random, so nobody can depend on it).
import type { SimMemory } from '../memory.ts';

export function readU32(memory: SimMemory, at: number): number {
  if ((at & 3) === 0) return memory.u32[at >>> 2]!;
  const { u8 } = memory;
  return (u8[at]! | (u8[at + 1]! << 8) | (u8[at + 2]! << 16) | (u8[at + 3]! << 24)) >>> 0;
}

export function equalBytes(memory: SimMemory, a: number, b: number, bytes: number): boolean {
  let i = 0;
  if (((a | b) & 3) === 0) {
    const { i32 } = memory;
    for (; i + 4 <= bytes; i += 4) if (i32[(a + i) >>> 2] !== i32[(b + i) >>> 2]) return false;
  }
  const { u8 } = memory;
  for (; i < bytes; i++) if (u8[a + i] !== u8[b + i]) return false;
  return true;
}

/** An int32 that depends on the bytes only. */
export function hashBytes(memory: SimMemory, at: number, bytes: number): number {
  const { u8 } = memory;
  let h = bytes;
  let i = 0;
  for (; i + 4 <= bytes; i += 4) h = mix(h, readU32(memory, at + i));
  for (; i < bytes; i++) h = mix(h, u8[at + i]!);
  return h ^ (h >>> 15);
}

/** Multiply and fold, with constants of MurmurHash3's finalizer. */
function mix(h: number, word: number): number {
  const product = Math.imul(h ^ word, 0x85ebca6b);
  return Math.imul(product ^ (product >>> 13), 0xc2b2ae35);
}
