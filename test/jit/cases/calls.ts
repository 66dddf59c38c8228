// Section 4.3.1 and 4.3.2, and may_goto (kernel/bpf/verifier.c, v6.18).
import {
  aluI,
  aluR,
  assemble,
  callFunction,
  exit,
  goto_,
  jumpI,
  load,
  mayGoto,
  store,
  storeImm,
} from '../assembler.ts';
import type { Case } from './case.ts';

export const calls: readonly Case[] = [
  {
    name: 'a call passes r1 to r5 and keeps r6 to r9 and the stack of the caller',
    functions: [
      assemble(
        aluI('mov', 64, 6, 100),
        storeImm(8, 10, -8, 7),
        aluI('mov', 64, 1, 1),
        aluI('mov', 64, 5, 5),
        callFunction(1, 4),
        aluR('add', 64, 0, 6),
        load(8, 2, 10, -8),
        aluR('add', 64, 0, 2),
        exit,
      ),
      assemble(
        aluI('mov', 64, 6, 0),
        storeImm(8, 10, -8, 0),
        aluR('mov', 64, 0, 1),
        aluI('mul', 64, 0, 10),
        aluR('add', 64, 0, 5),
        exit,
      ),
    ],
    r0: 122n, // 1 × 10 + 5, + 100, + 7
    executed: 15,
  },
  {
    name: 'a function reads the stack of its caller through a pointer',
    functions: [
      assemble(
        storeImm(8, 10, -16, 41),
        aluR('mov', 64, 1, 10),
        aluI('add', 64, 1, -16),
        callFunction(1, 3),
        load(8, 0, 10, -16),
        exit,
      ),
      assemble(load(8, 2, 1, 0), aluI('add', 64, 2, 1), store(8, 1, 2, 0), aluI('mov', 64, 0, 0), exit),
    ],
    r0: 42n,
  },
  {
    name: 'may_goto falls through while its count lasts',
    functions: [
      assemble(
        aluI('mov', 64, 0, 0),
        mayGoto(3),
        aluI('add', 64, 0, 1),
        jumpI('eq', 64, 0, 100, 1),
        goto_(-4),
        exit,
      ),
    ],
    r0: 100n,
  },
];
