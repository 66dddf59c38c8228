// Which loads read 0 where others would be a fault, by the rules of check_ptr_to_btf_access() and BPF_PROBE_MEM in kernel/bpf/verifier.c, v6.18, and that both engines read it.
import { describe, expect, test } from 'vitest';
import {
  aluI,
  aluR,
  assemble,
  callFunction,
  exit,
  goto_,
  jumpI,
  kfunc,
  load,
  loadSigned,
  store,
} from '../../test/jit/assembler.ts';
import { engine } from '../../test/jit/engine.ts';
import { flatWorld } from '../../test/jit/flat-world.ts';
import type { Instruction } from '../bpf/instructions.ts';
import { readFlow } from './flow.ts';
import { interpret } from './interpreter.ts';
import { type KernelPointers, walkedLoads } from './walked.ts';

const giver = 7;

/** `at`: slots of loads of pointers, by function; function 0 is an entry whose second argument may be null. */
function pointers(at: readonly (readonly number[])[], callbacks: number[] = []): KernelPointers {
  return {
    loads: at.map((slots) => new Set(slots)),
    gives: (call) => call.what === 'kfunc' && call.id === giver,
    entries: new Map([[0, [1]]]),
    callbacks,
  };
}

function walks(
  functions: readonly Instruction[][],
  at: readonly (readonly number[])[],
  callbacks?: number[],
) {
  const flows = functions.map((code, fn) => readFlow(fn, code));
  return walkedLoads(flows, pointers(at, callbacks))?.map((slots) => [...slots]);
}

const mov = (dst: number, src: number) => aluR('mov', 64, dst, src);
/** r2 = the first argument of the callback; r3 = a pointer in what it points to. */
const start = [load(8, 2, 1, 0), load(8, 3, 2, 16)];

describe('a load walks', () => {
  test('from what was read out of a structure, at any constant distance', () => {
    const code = assemble(...start, load(4, 0, 3, 8), aluI('add', 64, 3, 24), load(4, 0, 3, 0), exit);
    expect(walks([code], [[1]])).toEqual([[2, 4]]);
  });

  test('not from an argument, nor from a number', () => {
    const number = assemble(...start, load(4, 4, 2, 0), load(4, 0, 4, 0), exit);
    expect(walks([number], [[1]])).toEqual([[]]);
    const sum = assemble(...start, aluR('add', 64, 3, 2), load(4, 0, 3, 0), exit);
    expect(walks([sum], [[1]])).toBeUndefined(); // no such pointer is left to follow
    const half = assemble(...start, aluR('mov', 32, 3, 3), load(4, 0, 3, 0), exit);
    expect(walks([half], [[1]])).toEqual([[]]);
  });

  test('from a register that was moved, or put into the frame meanwhile', () => {
    const code = assemble(
      ...start,
      store(8, 10, 3, -16),
      mov(6, 3),
      kfunc(1),
      load(4, 0, 6, 0),
      load(8, 4, 10, -16),
      load(4, 0, 4, 0),
      exit,
    );
    expect(walks([code], [[1]])).toEqual([[5, 7]]);
    const overwritten = assemble(
      ...start,
      store(8, 10, 3, -16),
      store(4, 10, 2, -12),
      load(8, 4, 10, -16),
      load(4, 0, 4, 0),
      exit,
    );
    expect(walks([overwritten], [[1]])).toEqual([[]]);
  });

  test('not from a register that a call has taken', () => {
    expect(walks([assemble(...start, kfunc(1), load(4, 0, 3, 0), exit)], [[1]])).toBeUndefined();
    const kept = assemble(...start, mov(6, 3), kfunc(1), load(4, 0, 3, 0), exit);
    expect(walks([kept], [[1]])).toEqual([[]]);
  });

  test('from what a kfunc gives that vouches for nothing', () => {
    expect(walks([assemble(kfunc(giver), load(4, 0, 0, 0), exit)], [[]])).toEqual([[1]]);
    expect(walks([assemble(kfunc(1), load(4, 0, 0, 0), exit)], [[]])).toBeUndefined();
  });

  test('where ways meet, if each brings such a pointer or one that is vouched for', () => {
    /** r4 = r1[argument] or r3. */
    const meet = (argument: number) =>
      assemble(
        ...start,
        load(8, 4, 1, 8 * argument),
        jumpI('eq', 64, 2, 5, 1),
        mov(4, 3),
        load(4, 0, 4, 0),
        exit,
      );
    expect(walks([meet(2)], [[1]])).toEqual([[5]]);
    expect(walks([meet(1)], [[1]])).toEqual([[]]); // it may be null
    const orNull = assemble(
      ...start,
      aluI('mov', 64, 4, 0),
      jumpI('eq', 64, 2, 5, 1),
      mov(4, 3),
      load(4, 0, 4, 0),
      exit,
    );
    expect(walks([orNull], [[1]])).toEqual([[]]);
  });

  test('in a loop, from one structure to the next', () => {
    // while (r3 != 5) r3 = r3->next
    const code = assemble(...start, jumpI('eq', 64, 3, 5, 2), load(8, 3, 3, 16), goto_(-3), exit);
    expect(walks([code], [[1, 3]])).toEqual([[3]]);
    // the second time round r3 is a number
    const spoilt = assemble(...start, jumpI('eq', 64, 3, 5, 2), load(8, 3, 3, 16), goto_(-3), exit);
    expect(walks([spoilt], [[1]])).toEqual([[]]);
  });

  test('in a function that is given such a pointer by all, and from what it gives back', () => {
    const caller = assemble(...start, mov(1, 3), callFunction(1, 3), load(4, 0, 0, 0), exit);
    const next = assemble(load(8, 0, 1, 16), exit);
    expect(walks([caller, next], [[1], [0]])).toEqual([[4], [0]]);
    const other = assemble(aluI('mov', 64, 1, 0), callFunction(1, 1), exit);
    expect(walks([caller, next, other], [[1], [0], []])).toEqual([[4], [], []]);
    expect(walks([caller, next], [[1], [0]], [1])).toEqual([[4], []]);
  });
});

describe.each(['checked', 'fast'] as const)('what it reads, %s', (mode) => {
  /** r0 = *(*(r1 + 0)): the address of 8 bytes that hold the pointer. */
  const code = (size: 1 | 2 | 4 | 8) => assemble(load(8, 3, 1, 0), load(size, 0, 3, 4), exit);
  const at = 0x12000;
  const regions = [
    { at, bytes: 8, isWritable: false },
    { at: 0x14000, bytes: 8, isWritable: false },
  ];
  const run = (pointer: bigint, functions = [code(4)]): bigint => {
    const it = engine({ functions, mode, regions, pointers: { ...pointers([[0]]), entries: new Map() } });
    const view = new DataView(it.memory.buffer);
    view.setBigUint64(at, pointer, true);
    view.setBigUint64(0x14000, 0xfedc_ba98_0000_0000n, true);
    return it.call(at).r0;
  };

  test('what is there', () => expect(run(0x14000n)).toBe(0xfedc_ba98n));
  test('with its sign', () =>
    expect(run(0x14000n, [assemble(load(8, 3, 1, 0), loadSigned(4, 0, 3, 4), exit)])).toBe(
      0xffff_ffff_fedc_ba98n,
    ));
  test.each([0n, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_fff4n, 0x7fff_ffffn, 0x3_7ff0n, 0x1_0001_4000n])(
    'nothing at 0x%x: 0',
    (pointer) => {
      expect(run(pointer)).toBe(0n);
      expect(run(pointer, [assemble(load(8, 3, 1, 0), loadSigned(2, 0, 3, 4), exit)])).toBe(0n);
    },
  );
  test('the other half of it as before', () => {
    if (mode === 'fast') return;
    expect(run(0x14004n)).toBe(0n); // beyond the readable bytes
    expect(() => run(0x14000n, [assemble(mov(3, 1), load(8, 0, 3, 4), exit)])).toThrow(
      'read in function 0 at 1',
    );
  });
});

test('the interpreter reads the same', () => {
  const code = assemble(aluI('mov', 64, 3, 0), load(4, 0, 3, 8), exit);
  const world = flatWorld([code]);
  const memory = { ...world.memory, allows: () => false };
  expect(() => interpret({ ...world, memory }, 0, [])).toThrow('access at 8');
  expect(interpret({ ...world, memory, walked: [new Set([1])] }, 0, []).r0).toBe(0n);
});
