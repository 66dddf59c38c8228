// The objects beside this file, and a memory to run them in.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BpfObject, readObject } from '../../../src/bpf/object.ts';
import type { Memory } from '../../../src/jit/interpreter.ts';

export function fixtureBytes(name: 'kernel' | 'core' | 'scheduler'): Uint8Array {
  return new Uint8Array(readFileSync(join(import.meta.dirname, `${name}.bpf.o`)));
}

export function fixtureObject(name: 'kernel' | 'core' | 'scheduler'): BpfObject {
  return readObject(fixtureBytes(name));
}

/** Every byte everywhere, zero at first. */
export function anyMemory(): Memory {
  const bytes = new Map<bigint, bigint>();
  return {
    load: (address, size) => {
      let value = 0n;
      for (let i = BigInt(size) - 1n; i >= 0n; i--) value = (value << 8n) | (bytes.get(address + i) ?? 0n);
      return value;
    },
    store: (address, size, value) => {
      for (let i = 0n; i < BigInt(size); i++) bytes.set(address + i, (value >> (8n * i)) & 0xffn);
    },
  };
}
