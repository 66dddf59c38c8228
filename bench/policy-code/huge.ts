// Functions of any length for the bench: segments of a policy's kind (loads, arithmetic, a branch, stores), each with constants of its own.
import type { Instruction } from '../../src/bpf/instructions.ts';
import { translate } from '../../src/jit/translate.ts';
import { aluI, aluR, assemble, exit, goto_, jumpI, jumpR, load, store } from '../../test/jit/assembler.ts';

export const memoryAt = 0x10000;
const [stack, shadow, limit, pages] = [0x12000, 0x30000, 0x30000, 6];

const groupSegments = 10;

/** r1: address of 4 KiB, r2: which group of 200 instructions to execute. `seed` changes the constants: engines remember modules. */
export function longFunction(groups: number, seed: number): Instruction[] {
  const start = [aluR('mov', 64, 6, 1), aluR('mov', 64, 8, 2), aluI('mov', 64, 0, seed)];
  return assemble(...start, ...oneOf(0, groups, seed), exit);
}

/** A tree of branches leads to the group, so that calls execute the same in functions of any size, but for a few jumps. */
function oneOf(from: number, end: number, seed: number): Uint8Array[] {
  if (end - from === 1)
    return Array.from({ length: groupSegments }, (_, i) =>
      segment(from * groupSegments + i, seed + from),
    ).flat();
  const middle = (from + end) >> 1;
  const [low, high] = [oneOf(from, middle, seed), oneOf(middle, end, seed)];
  return [jumpI('ge', 64, 8, middle, low.length + 1), ...low, goto_(high.length), ...high];
}

/** 20 instructions, of which branches skip up to three. */
function segment(i: number, constant: number): Uint8Array[] {
  const at = (k: number): number => 8 * ((i * 7 + k) % 500);
  return [
    load(8, 2, 6, at(0)),
    load(4, 3, 6, at(1)),
    aluR('add', 64, 2, 0),
    aluI('xor', 64, 2, constant),
    aluI('rsh', 32, 3, 3),
    jumpR('gt', 64, 2, 3, 2),
    aluI('add', 64, 2, 17),
    aluR('mov', 64, 4, 2),
    aluI('mul', 32, 3, 31),
    store(8, 10, 2, -8 - 8 * (i % 8)),
    aluR('add', 64, 0, 3),
    load(8, 5, 10, -8 - 8 * ((i + 3) % 8)),
    aluR('or', 64, 5, 2),
    jumpI('set', 64, 5, 1 << (i % 20), 1),
    store(4, 6, 5, at(2)),
    aluI('and', 64, 5, 0xff),
    aluR('add', 64, 0, 5),
    aluR('mov', 32, 7, 0),
    aluI('lsh', 64, 7, 2),
    store(8, 6, 7, at(3)),
  ];
}

export interface Timed {
  readonly translateMs: number;
  readonly compileMs: number;
  readonly firstCallMs: number;
  readonly moduleBytes: number;
  readonly call: (group: number) => number;
  readonly executed: WebAssembly.Global;
}

/** From instructions to the first call, with the time that each step took. */
export function start(code: readonly Instruction[], mode: 'fast' | 'checked'): Timed {
  const memory = new WebAssembly.Memory({ initial: pages });
  new Uint8Array(memory.buffer, shadow).fill(24, memoryAt, memoryAt + 4096);
  const times = [performance.now()];
  const bytes = translate({
    functions: [code],
    calleeOf: () => {
      throw new Error('calls nothing');
    },
    entries: [{ fn: 0, params: 2 }],
    ...{ mode, stack, shadow, limit, pages },
    resultHigh: 0,
    budget: 0x7fff_ffff,
  });
  times.push(performance.now());
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  times.push(performance.now());
  const fault = (): never => {
    throw new Error('fault');
  };
  const { exports } = new WebAssembly.Instance(module, { env: { memory, fault } });
  const enter = exports.f0 as (context: number, group: number) => number;
  enter(memoryAt, 0);
  times.push(performance.now());
  const took = (step: number): number => times[step + 1]! - times[step]!;
  return {
    translateMs: took(0),
    compileMs: took(1),
    firstCallMs: took(2),
    moduleBytes: bytes.length,
    call: (group) => enter(memoryAt, group),
    executed: exports.executed as WebAssembly.Global,
  };
}
