// A machine as the conformance suite sees it: core's contract, and the few facts of setup that a caller must bring. DESIGN.md section 3.

import { digestOf } from '../../src/core/canonical.ts';
import type { Blobs, Machine } from '../../src/core/machine.ts';
import type { Arm, Experiment, MachineRef, Outcome } from '../../src/core/records.ts';
import type { Expansion, WorkloadFile } from '../../src/core/workload.ts';
import { encode } from '../../src/workload/encoding.ts';
import { expand } from '../../src/workload/expand.ts';
import { hints } from '../../src/workload/hints.ts';
import type { Case } from './case.ts';

export interface Subject {
  readonly name: MachineRef['name'];
  /** Major and minor version of the kernel: what a few of the kernel's words depend on. */
  readonly kernel: string;
  readonly machine: Machine;
  readonly blobs: Blobs;
  readonly reference: MachineRef;
  /** For machines of hundreds of CPUs; absent: as any other. */
  readonly large?: MachineRef;
  /** Under which the same experiment gives the same bytes. */
  readonly exact: MachineRef;
  readonly memoryMiB: number;
}

/** Who schedules: the default scheduler, its settings, a policy of the library, or an object. */
export interface ArmWish {
  readonly name: string;
  readonly settings?: Arm['settings'];
  readonly object?: Uint8Array;
  readonly parameters?: NonNullable<Arm['policy']>['parameters'];
  /** The policy is told what follows from the expansion. */
  readonly hinted?: boolean;
}

export interface Cell {
  readonly workload: WorkloadFile;
  readonly arm: ArmWish;
  readonly cpus: number;
  readonly seed: number;
  readonly topology?: Omit<Experiment['topology'], 'cpus' | 'memoryMiB'>;
  readonly limitMs?: number;
  /** Other than those of every run: where in a tick it begins, and which pids there are. */
  readonly nuisance?: Experiment['nuisance'];
}

export const byDefault: ArmWish = { name: 'default' };

/** The experiment of a cell, its object and its expansion among the subject's blobs. */
export async function experimentOf(subject: Subject, cell: Cell): Promise<Experiment> {
  const { workload, cpus, seed, topology, limitMs = 20_000 } = cell;
  const meaning = expand(workload, { seed, cpus });
  const expansion = await subject.blobs.put(encode(meaning));
  return {
    kind: 'experiment',
    version: 1,
    from: [],
    arm: await armOf(subject, cell.arm, meaning),
    workload: { kind: 'declared', name: workload.name, file: '0'.repeat(64), expansion },
    topology: { cpus, memoryMiB: subject.memoryMiB, ...topology },
    machine: (cpus > 64 ? subject.large : undefined) ?? subject.reference,
    seed,
    nuisance: cell.nuisance ?? { startOffsetNs: 1_234_567, pidOffset: 5 },
    limitMs,
  };
}

async function armOf(subject: Subject, wish: ArmWish, meaning: Expansion): Promise<Arm> {
  const { name, settings, object, parameters = {} } = wish;
  if (object !== undefined) {
    const told = wish.hinted === true ? { hints: hintsOf(meaning) } : {};
    const policy = { name, object: await subject.blobs.put(object), parameters, ...told };
    return { id: `policy:${name}`, name, kind: 'policy', policy };
  }
  return settings === undefined
    ? { id: 'default', name, kind: 'default' }
    : { id: `settings:${name}`, name, kind: 'settings', settings };
}

function hintsOf(meaning: Expansion): NonNullable<NonNullable<Arm['policy']>['hints']> {
  return Object.fromEntries(hints(meaning).map(({ comm, ...hint }) => [comm, hint]));
}

/** Runs cells, no more at once than the machine stands, and each only once. */
export class Bench {
  readonly subject: Subject;
  readonly #outcomes = new Map<string, Promise<Outcome>>();
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(subject: Subject) {
    this.subject = subject;
    this.#free = subject.machine.parallel;
  }

  async run(cell: Cell): Promise<Outcome> {
    const experiment = await experimentOf(this.subject, cell);
    const key = JSON.stringify(experiment);
    const known = this.#outcomes.get(key);
    if (known !== undefined) return known;
    const outcome = this.perform(experiment);
    this.#outcomes.set(key, outcome);
    return outcome;
  }

  /** What a case has seen that fails is forgotten: tried again, it runs anew. */
  async check(one: Pick<Case, 'check'>): Promise<void> {
    try {
      await one.check(this);
    } catch (error) {
      this.#outcomes.clear();
      throw error;
    }
  }

  /** Anew, whatever has been run before. */
  async perform(experiment: Experiment): Promise<Outcome> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await this.subject.machine.run(experiment);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

export function memoryBlobs(): Blobs {
  const kept = new Map<string, Uint8Array>();
  return {
    get: async (digest) => kept.get(digest)!,
    async put(bytes) {
      const digest = digestOf(bytes);
      kept.set(digest, bytes);
      return digest;
    },
  };
}
