// What RFC 9669 says, as programs with answers. All engines of src/jit play this table.
import { arithmetic, swaps } from './cases/arithmetic.ts';
import { branches } from './cases/branches.ts';
import { calls } from './cases/calls.ts';
import type { Case } from './cases/case.ts';
import { atomics, memory } from './cases/memory.ts';

export const cases: readonly Case[] = [...arithmetic, ...swaps, ...branches, ...memory, ...atomics, ...calls];
