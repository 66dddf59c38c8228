// The translation against its oracle on seeded random programs. A failure is its seed.
import { expect, test } from 'vitest';
import type { Instruction } from '../../src/bpf/instructions.ts';
import { interpret } from '../../src/jit/interpreter.ts';
import { engine } from './engine.ts';
import { flatWorld } from './flat-world.ts';
import { randomProgram } from './random-program.ts';

const programs = Number(process.env.SCHEDCP_JIT_PROGRAMS ?? 400);
const firstSeed = Number(process.env.SCHEDCP_JIT_SEED ?? 0);

test(`${programs} random programs: interpreter, checked and fast agree on r0 and on the number of instructions`, () => {
  const seen = new Set<Instruction['kind']>();
  let backward = 0;
  for (let seed = firstSeed; seed < firstSeed + programs; seed++) {
    const functions = randomProgram(seed);
    for (const code of functions.flat()) {
      seen.add(code.kind);
      if (code.kind === 'branch' && code.target <= code.at) backward++;
    }
    const expected = interpret(flatWorld(functions), 0, [0n, 0n, 0n, 0n, 0n]);
    for (const mode of ['checked', 'fast'] as const) {
      const run = engine({ functions, mode, budget: 100_000_000 });
      expect({ seed, mode, ...run.call(0), executed: run.executed() }).toEqual({ seed, mode, ...expected });
    }
  }
  // the programs are worth something: they hold every kind of instruction that they are made of, and loops
  expect([...seen].sort()).toEqual(
    [
      'alu',
      'atomic',
      'branch',
      'call',
      'cmpxchg',
      'exit',
      'imm64',
      'load',
      'mov',
      'movsx',
      'neg',
      'store',
      'swap',
      'xchg',
    ].sort(),
  );
  expect(backward).toBeGreaterThan(programs / 2);
}, 3_600_000);
