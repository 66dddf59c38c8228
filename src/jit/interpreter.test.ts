import { expect, test } from 'vitest';
import {
  aluI,
  assemble,
  callFunction,
  exit,
  goto_,
  helper,
  load,
  mayGoto,
  raw,
} from '../../test/jit/assembler.ts';
import { cases } from '../../test/jit/cases.ts';
import { flatWorld } from '../../test/jit/flat-world.ts';
import type { Instruction } from '../bpf/instructions.ts';
import { interpret, type World } from './interpreter.ts';
import { maxLoops } from './program.ts';

const run = (code: readonly Instruction[], args: readonly bigint[] = [], overrides: Partial<World> = {}) =>
  interpret(flatWorld([code], overrides), 0, args);

test.each(cases)('$name', ({ functions, r0, executed }) => {
  const answer = interpret(flatWorld(functions), 0, []);
  expect(answer.r0).toBe(r0);
  if (executed !== undefined) expect(answer.executed).toBe(executed);
});

test('arguments arrive in r1 to r5', () => {
  const code = assemble(raw(0xbf, 0, 1), raw(0x0f, 0, 5), exit);
  expect(run(code, [1n, 0n, 0n, 0n, 20n]).r0).toBe(21n);
});

test('a helper gets r1 to r5 and gives r0', () => {
  const seen: unknown[] = [];
  const call: World['call'] = (what, id, args) => {
    seen.push([what, id, args]);
    return 9n;
  };
  expect(run(assemble(aluI('mov', 64, 3, 3), helper(14), exit), [1n, 2n], { call }).r0).toBe(9n);
  expect(seen).toEqual([['helper', 14, [1n, 2n, 3n, 0n, 0n]]]);
});

test('may_goto ends a loop that would not end, after BPF_MAX_LOOPS rounds', () => {
  const code = assemble(mayGoto(1), goto_(-2), exit);
  expect(run(code, [], { budget: 3 * maxLoops }).executed).toBe(2 * maxLoops + 2);
});

test('what no verified program does stops, and says where', () => {
  expect(() => run(assemble(goto_(-1), exit))).toThrow('budget in function 0 at 0');
  expect(() => run(assemble(aluI('mov', 64, 0, 0)))).toThrow('leads outside the function in function 0 at 0');
  expect(() => run(assemble(goto_(5), exit))).toThrow('leads outside the function in function 0 at 0');
  expect(() => run(assemble(raw(0xff), exit))).toThrow('unknown instruction in function 0 at 0');
  expect(() => run(assemble(raw(0x8d), exit))).toThrow('unsupported instruction in function 0 at 0');
  expect(() => run(assemble(aluI('add', 64, 10, 8), exit))).toThrow('write to r10 in function 0 at 0');
  expect(() => run(assemble(callFunction(3, 0), exit))).toThrow('call of no function in function 0 at 0');
  expect(() => run(assemble(callFunction(0, 0), exit))).toThrow('stack overflow in function 0 at 0');
  expect(() => run(assemble(load(8, 0, 10, 8000), exit))).toThrow('access at');
});
