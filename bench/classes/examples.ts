// Runs as examples for training and testing: each run seen with more and with less. `full`: a recording, and what the watch and procfs add to it (faults, time in
// the kernel, block I/O, memory). `recording`: events alone. `watch`: what is counted in the kernel. `procfs`: no events.

import type { Shape } from '../../src/core/profile.ts';
import { features } from '../../src/profiles/classes/features.ts';
import type { ClassModel } from '../../src/profiles/classes/model.ts';
import type { readRuns } from './runs.ts';
import { type Example, train } from './train.ts';

export const evidences = ['full', 'recording', 'watch', 'procfs'] as const;
export type Evidence = (typeof evidences)[number];

type Run = ReturnType<typeof readRuns>[number];

export function shapeWith(run: Run, evidence: Evidence): Shape {
  if (evidence !== 'full') return run[evidence];
  const { systemShare, faultsPerS, blockIo } = run.watch;
  const { maxRssKiB } = run.procfs;
  return {
    ...run.recording,
    ...(systemShare !== undefined && { systemShare }),
    ...(faultsPerS !== undefined && { faultsPerS }),
    ...(blockIo !== undefined && { blockIo }),
    ...(maxRssKiB !== undefined && { maxRssKiB }),
  };
}

export function examplesOf(runs: readonly Run[], evidence: Evidence): Example[] {
  return runs.flatMap((run) => {
    const shape = shapeWith(run, evidence);
    // Events alone say nothing of memory: there a program that is bound by it is one that computes, and nothing is to be learnt from it.
    if (evidence === 'recording' && run.label === 'memory-bound') return [];
    // Block I/O in procfs is that of the whole machine.
    const { blockIo: _, ...own } = shape;
    const values = features.map((feature) => feature.of(evidence === 'procfs' ? own : shape));
    return [{ program: run.program, label: run.label, values }];
  });
}

const names = features.map(({ name }) => name);

/** The two models, from the runs of the training programs. */
export function trainAll(runs: readonly Run[]): Record<'events' | 'procfs', ClassModel> {
  return {
    events: train(names, [
      ...examplesOf(runs, 'full'),
      ...examplesOf(runs, 'recording'),
      ...examplesOf(runs, 'watch'),
    ]),
    procfs: train(names, examplesOf(runs, 'procfs')),
  };
}
