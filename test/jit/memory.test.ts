// Checked accesses against an oracle that asks about each byte: what is read and written, and where a program is stopped. A failure is its seed.
import { expect, test } from 'vitest';
import type { Instruction } from '../../src/bpf/instructions.ts';
import { type Asker, interpret } from '../../src/jit/interpreter.ts';
import { engine } from './engine.ts';
import { flatWorld } from './flat-world.ts';
import { randomMemoryProgram, regions } from './random-memory.ts';

const programs = Number(process.env.SCHEDCP_JIT_PROGRAMS ?? 1500);
const firstSeed = Number(process.env.SCHEDCP_JIT_SEED ?? 0);

/** What memory holds in the end, or what stopped the program. */
interface End {
  readonly fault: string | undefined;
  readonly r0: bigint | undefined;
  readonly executed: number | undefined;
  readonly memory: string;
}

function expectedEnd(functions: readonly (readonly Instruction[])[]): End {
  const bytes = new Map<number, { value: number; readonly isWritable: boolean }>();
  for (const { at, bytes: count, isWritable } of regions)
    for (let i = 0; i < count; i++) bytes.set(at + i, { value: 0, isWritable });
  const frames = flatWorld(functions);
  const check = (way: 'read' | 'write', address: bigint, size: number, { fn, code }: Asker): void => {
    // the translation asks once for both halves of an atomic operation
    const isWrite = way === 'write' || (code.kind !== 'load' && code.kind !== 'store');
    for (let i = 0n; i < BigInt(size); i++) {
      const byte = bytes.get(Number(address + i));
      // an access that begins in writable bytes must end in them: the shadow counts no further
      const mustWrite = isWrite || (i > 0n && bytes.get(Number(address))!.isWritable);
      if (byte === undefined || (mustWrite && !byte.isWritable))
        throw new Error(
          `${isWrite ? 'write' : 'read'} in function ${fn} at ${code.at}: 0x${address.toString(16)}`,
        );
    }
  };
  const isFrame = (address: bigint): boolean => address >= frames.stack && address < frames.stack + 0x2000n;
  const memory: typeof frames.memory = {
    load(address, size, by) {
      if (isFrame(address)) return frames.memory.load(address, size);
      check('read', address, size, by!);
      let value = 0n;
      for (let i = size - 1; i >= 0; i--)
        value = (value << 8n) | BigInt(bytes.get(Number(address) + i)!.value);
      return value;
    },
    store(address, size, value, by) {
      if (isFrame(address)) return frames.memory.store(address, size, value);
      check('write', address, size, by!);
      for (let i = 0; i < size; i++)
        bytes.get(Number(address) + i)!.value = Number((value >> BigInt(8 * i)) & 0xffn);
    },
  };
  let end: Pick<End, 'fault' | 'r0' | 'executed'>;
  try {
    end = { fault: undefined, ...interpret({ ...frames, memory }, 0, [0n]) };
  } catch (error) {
    end = { fault: (error as Error).message, r0: undefined, executed: undefined };
  }
  return { ...end, memory: hex(Uint8Array.from(bytes.values(), ({ value }) => value)) };
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function translatedEnd(functions: readonly (readonly Instruction[])[], mode: 'checked' | 'fast'): End {
  const run = engine({ functions, mode, regions });
  let end: Pick<End, 'fault' | 'r0' | 'executed'>;
  try {
    const { r0 } = run.call(0);
    end = { fault: undefined, r0, executed: run.executed() };
  } catch (error) {
    end = { fault: (error as Error).message, r0: undefined, executed: undefined };
  }
  const memory = regions.map(({ at, bytes }) => new Uint8Array(run.memory.buffer.slice(at, at + bytes)));
  return { ...end, memory: memory.map(hex).join('') };
}

test(`${programs} random programs: what they leave in memory, or where they are stopped`, () => {
  let faults = 0;
  for (let seed = firstSeed; seed < firstSeed + programs; seed++) {
    const functions = randomMemoryProgram(seed);
    const expected = expectedEnd(functions);
    expect({ seed, ...translatedEnd(functions, 'checked') }).toEqual({ seed, ...expected });
    if (expected.fault !== undefined) faults++;
    else expect({ seed, ...translatedEnd(functions, 'fast') }).toEqual({ seed, ...expected });
  }
  // both ends are common enough to be worth testing
  expect(faults).toBeGreaterThan(programs / 4);
  expect(faults).toBeLessThan((programs * 3) / 4);
}, 600_000);
