// A world for the interpreter: eight stack frames and nothing else.
import type { World } from '../../src/jit/interpreter.ts';
import { frameStride } from '../../src/jit/program.ts';

const stack = 0x100_0000n;

export function flatWorld(functions: World['functions'], overrides: Partial<World> = {}): World {
  const bytes = new DataView(new ArrayBuffer(8 * frameStride));
  const place = (address: bigint, size: number): number => {
    if (address < stack || address + BigInt(size) > stack + BigInt(8 * frameStride))
      throw new Error(`access at ${address}`);
    return Number(address - stack);
  };
  const memory: World['memory'] = {
    load(address, size) {
      let value = 0n;
      for (let i = size - 1; i >= 0; i--)
        value = (value << 8n) | BigInt(bytes.getUint8(place(address, size) + i));
      return value;
    },
    store(address, size, value) {
      for (let i = 0; i < size; i++)
        bytes.setUint8(place(address, size) + i, Number((value >> BigInt(8 * i)) & 0xffn));
    },
  };
  const call = (): bigint => {
    throw new Error('no helper here');
  };
  return { memory, stack, functions, call, budget: 1_000_000, ...overrides };
}
