// The programs that classes are learnt from and tested on, by class; see the files beneath for what each class means. Labels say what a program is, and
// were written before anything was measured. Left out is what two engineers would name differently.

import type { ClassName } from '../../src/core/profile.ts';
import { batch } from './programs/batch.ts';
import { cpuBound } from './programs/cpu-bound.ts';
import { fresh } from './programs/fresh.ts';
import { idle } from './programs/idle.ts';
import { ioBound } from './programs/io-bound.ts';
import { latencyCritical } from './programs/latency-critical.ts';
import { memoryBound } from './programs/memory-bound.ts';
import { mixed } from './programs/mixed.ts';
import { more } from './programs/more.ts';
import type { ClassProgram } from './programs/program.ts';

export const programsOf: Readonly<Record<ClassName, readonly ClassProgram[]>> = {
  'cpu-bound': cpuBound,
  'io-bound': ioBound,
  'memory-bound': memoryBound,
  'latency-critical': latencyCritical,
  batch,
  mixed,
  idle,
};

/** With those for training only, and the second hold-out. */
const both = (label: ClassName): readonly ClassProgram[] => [
  ...programsOf[label],
  ...more[label],
  ...fresh[label],
];
export const allProgramsOf: Readonly<Record<ClassName, readonly ClassProgram[]>> = {
  'cpu-bound': both('cpu-bound'),
  'io-bound': both('io-bound'),
  'memory-bound': both('memory-bound'),
  'latency-critical': both('latency-critical'),
  batch: both('batch'),
  mixed: both('mixed'),
  idle: both('idle'),
};
