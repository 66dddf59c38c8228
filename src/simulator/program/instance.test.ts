import { expect, it } from 'vitest';
import { aluI, assemble, exit, jumpI } from '../../../test/jit/assembler.ts';
import type { Instruction } from '../../bpf/instructions.ts';
import { SimMemory } from '../memory.ts';
import { instantiate } from './instance.ts';
import type { Linked } from './link.ts';

function start(code: readonly Instruction[]): () => unknown {
  const linked: Linked = {
    ...{
      functions: [code],
      names: ['big'],
      entries: new Map([['enqueue', 0]]),
      callbacks: [],
      ops: new Map(),
    },
    ...{ poisoned: [], missing: [], skipped: [], calleeName: () => '', sourceOf: () => undefined },
  };
  const memory = new SimMemory(2 ** 20);
  const stack = memory.allocate(1024, 'write', 1024);
  const resultHigh = memory.allocate(8, 'none');
  const binding = {
    memory,
    mode: 'checked',
    budget: 1000,
    resultHigh,
    stack,
    native: () => undefined,
  } as const;
  return () => instantiate(linked, binding, 'big');
}

const filled = (count: number): Instruction[] => {
  const [one] = assemble(aluI('add', 64, 0, 1));
  const [last] = assemble(exit);
  return Array.from({ length: count }, (_, at) => ({ ...(at === count - 1 ? last! : one!), at }));
};

it('takes 200,000 instructions, and not one more', { timeout: 60_000 }, () => {
  expect(start(filled(200_000))).not.toThrow();
  expect(start(filled(200_001))).toThrow('200001 instructions; the simulator takes 200000');
});

it('more blocks than the engine has targets for in one branch: a finding, no crash', {
  timeout: 60_000,
}, () => {
  // 24,000 loops entered in their middle: irreducible, so each block is a target of one br_table, of which V8 allows 65,520
  const [skip] = assemble(jumpI('eq', 64, 1, 0, 1), exit, exit);
  const [, , back] = assemble(exit, exit, jumpI('eq', 64, 1, 1, -2));
  const code = Array.from({ length: 24_000 }, (_, i): Instruction[] => {
    const at = 3 * i;
    const [add] = assemble(aluI('add', 64, 0, 1));
    return [
      { ...skip!, at, target: at + 2 } as Instruction,
      { ...add!, at: at + 1 },
      { ...back!, at: at + 2, target: at + 1 } as Instruction,
    ];
  }).flat();
  const [last] = assemble(exit);
  expect(start([...code, { ...last!, at: code.length }])).toThrow('too large for this engine');
});
