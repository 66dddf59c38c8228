// A machine that runs nothing: it derives what it measures from seed and arm, so that the right answer is known. It keeps core's contract.

import { recordDigest } from '../../src/core/canonical.ts';
import type { Blobs, Machine, Records } from '../../src/core/machine.ts';
import type { Arm, Experiment, Finding, Outcome } from '../../src/core/records.ts';
import { createRandom, derive } from '../../src/lib/random.ts';
import type { Contestant, Trial } from '../../src/stages/trials.ts';
import { candidate, command, declared, machine, outcome } from '../records/build.ts';

export interface Script {
  /** What an arm makes of the metric: 0.8 is a fifth less. Default 1. */
  readonly factor?: (arm: Arm, experiment: Experiment) => number;
  /** Relative spread of a run, besides what the seed alone explains. Default 0.004. */
  readonly noise?: number;
  readonly finding?: (experiment: Experiment) => Finding | undefined;
  readonly metric?: string;
  readonly parallel?: number;
  /** Called as each run starts; what it waits for delays the run. */
  readonly before?: (experiment: Experiment) => Promise<void> | void;
  /** Further metrics. */
  readonly more?: (experiment: Experiment) => Record<string, number>;
}

/** In [0, 1), from a seed. */
function uniform(seed: number): number {
  return createRandom(seed).uint32() / 2 ** 32;
}

export function scriptedMachine(script: Script = {}): Machine & { readonly ran: Experiment[] } {
  const ran: Experiment[] = [];
  return {
    ran,
    name: 'micro-vm',
    parallel: script.parallel ?? 4,
    accepts: () => [],
    async run(experiment): Promise<Outcome> {
      ran.push(experiment);
      await script.before?.(experiment);
      const from = [recordDigest(experiment)];
      const finding = script.finding?.(experiment);
      if (finding !== undefined) return outcome({ from, status: 'failed', finding, metrics: {} });
      const base = 1e9 * (1 + 0.2 * uniform(experiment.seed));
      const wobble = uniform(derive(experiment.seed, experiment.arm.id, experiment.nuisance.startOffsetNs));
      const noise = 1 + (script.noise ?? 0.004) * (2 * wobble - 1);
      const factor = script.factor?.(experiment.arm, experiment) ?? 1;
      const metrics = {
        [script.metric ?? 'makespanNs']: Math.round(base * factor * noise),
        ...script.more?.(experiment),
      };
      return outcome({ from, metrics });
    },
  };
}

/** Records and blobs in memory: what a store does, without its files. */
export function heldRecords(): Records & { readonly all: Map<string, unknown> } {
  const all = new Map<string, unknown>();
  return {
    all,
    async get(digest) {
      const found = all.get(digest);
      if (found === undefined) throw new Error(`no record ${digest}`);
      return structuredClone(found);
    },
    async put(record) {
      const digest = recordDigest(record);
      all.set(digest, structuredClone(record));
      return digest;
    },
  };
}

export function heldBlobs(): Blobs {
  const all = new Map<string, Uint8Array>();
  return {
    async get(digest) {
      const found = all.get(digest);
      if (found === undefined) throw new Error(`no blob ${digest}`);
      return found;
    },
    async put(bytes) {
      const digest = recordDigest([...bytes]);
      all.set(digest, bytes);
      return digest;
    },
  };
}

export function trial(parts: Partial<Trial> & { readonly kind?: 'command' } = {}): Trial {
  return {
    name: 'w',
    reference: machine(),
    topology: { cpus: 4, memoryMiB: 384 },
    limitMs: 1000,
    parallel: 4,
    workload: async () => (parts.kind === 'command' ? command() : declared),
    armFor: async (arm) => arm,
    ...parts,
  };
}

export function contestants(arms: readonly Arm[]): Contestant[] {
  return arms.map((arm) => ({ arm, candidate: recordDigest(candidate(arm)) }));
}
