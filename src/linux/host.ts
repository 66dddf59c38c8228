// The machine as it is, looked at and not touched: one function for each atomic observation, over procfs and sysfs. Each is bounded in time and size by its input.

import type {
  Block,
  Capabilities,
  Cpus,
  Frequency,
  Pressure,
  Queues,
  SchedExt,
  Switches,
} from '../core/observed-machine.ts';
import type { Cgroup, Delays, ProcessDetail, Processes } from '../core/observed-tasks.ts';
import { type BlockWish, block } from './host/block.ts';
import { capabilities } from './host/capabilities.ts';
import { type CgroupWish, cgroup } from './host/cgroups.ts';
import { type DelaysWish, delays, type Probes } from './host/delays.ts';
import { type FrequencyWish, frequency } from './host/frequency.ts';
import { type PressureWish, pressure } from './host/pressure.ts';
import { type ProcessWish, processDetail } from './host/process-detail.ts';
import { type ProcessesWish, processes } from './host/processes.ts';
import { type QueuesWish, queues } from './host/queues.ts';
import { schedExt } from './host/sched-ext.ts';
import { realSurfaces, type Surfaces } from './host/surfaces.ts';
import { type SwitchesWish, switches } from './host/switches.ts';
import { type CpusWish, cpus } from './host/topology.ts';
import { type FileWish, type ReadFile, readWorkloadFile } from './host/workload-file.ts';

export type { Probes, Surfaces };

export interface HostOptions {
  /** Tests give recorded trees. */
  readonly surfaces?: Surfaces;
  /** Directories whose files may be read, absolute. */
  readonly roots: readonly string[];
  readonly probes?: Probes;
}

export interface Host {
  cpus(wish: CpusWish, signal: AbortSignal): Promise<Cpus>;
  queues(wish: QueuesWish, signal: AbortSignal): Promise<Queues>;
  delays(wish: DelaysWish, signal: AbortSignal): Promise<Delays>;
  switches(wish: SwitchesWish, signal: AbortSignal): Promise<Switches>;
  pressure(wish: PressureWish): Promise<Pressure>;
  cgroup(wish: CgroupWish, signal: AbortSignal): Promise<Cgroup>;
  processes(wish: ProcessesWish, signal: AbortSignal): Promise<Processes>;
  process(wish: ProcessWish, signal: AbortSignal): Promise<ProcessDetail>;
  workloadFile(wish: FileWish): Promise<ReadFile>;
  block(wish: BlockWish, signal: AbortSignal): Promise<Block>;
  frequency(wish: FrequencyWish, signal: AbortSignal): Promise<Frequency>;
  schedExt(): Promise<SchedExt>;
  capabilities(signal: AbortSignal): Promise<Capabilities>;
}

export function openHost({ surfaces = realSurfaces, roots, probes }: HostOptions): Host {
  return {
    cpus: (wish, signal) => cpus(surfaces, wish, signal),
    queues: (wish, signal) => queues(surfaces, wish, signal),
    delays: (wish, signal) => delays(surfaces, wish, signal, probes),
    switches: (wish, signal) => switches(surfaces, wish, signal),
    pressure: async (wish) => pressure(surfaces, wish),
    cgroup: (wish, signal) => cgroup(surfaces, wish, signal),
    processes: (wish, signal) => processes(surfaces, wish, signal),
    process: (wish, signal) => processDetail(surfaces, wish, signal),
    workloadFile: (wish) => readWorkloadFile(roots, wish),
    block: (wish, signal) => block(surfaces, wish, signal),
    frequency: (wish, signal) => frequency(surfaces, wish, signal),
    schedExt: async () => schedExt(surfaces),
    capabilities: (signal) => capabilities(surfaces, signal),
  };
}

/** The directory we were started in, unless others are named in SCHEDCP_READ; the root of all files only when it is named. */
export function readableRoots(cwd: string, named: string | undefined): string[] {
  const roots = (named ?? '').split(':').filter((root) => root.startsWith('/'));
  if (roots.length > 0) return roots;
  return cwd === '/' ? [] : [cwd];
}
