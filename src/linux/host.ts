// The machine as it is, looked at and not touched: one function for each atomic observation, over procfs and sysfs. Each is bounded in time and size by its input.

import type { Host } from '../core/host.ts';
import { block } from './host/block.ts';
import { capabilities } from './host/capabilities.ts';
import { cgroup } from './host/cgroups.ts';
import { delays, type Probes } from './host/delays.ts';
import { frequency } from './host/frequency.ts';
import { pressure } from './host/pressure.ts';
import { processDetail } from './host/process-detail.ts';
import { processes } from './host/processes.ts';
import { queues } from './host/queues.ts';
import { schedExt } from './host/sched-ext.ts';
import { realSurfaces, type Surfaces } from './host/surfaces.ts';
import { switches } from './host/switches.ts';
import { cpus, onlineCpus } from './host/topology.ts';
import { readWorkloadFile } from './host/workload-file.ts';

export type { Probes, Surfaces };

export interface HostOptions {
  /** Tests give recorded trees. */
  readonly surfaces?: Surfaces;
  /** Directories whose files may be read, absolute. */
  readonly roots: readonly string[];
  readonly probes?: Probes;
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
    workloadFile: (path) => readWorkloadFile(roots, path),
    block: (wish, signal) => block(surfaces, wish, signal),
    frequency: (wish, signal) => frequency(surfaces, wish, signal),
    schedExt: async () => schedExt(surfaces),
    capabilities: (signal) => capabilities(surfaces, signal),
  };
}

/** CPUs of the machine, whichever of them this process is kept to. */
export function onlineCount(surfaces: Surfaces = realSurfaces): number {
  return onlineCpus(surfaces).length;
}

/** The directory we were started in, unless others are named in SCHEDCP_READ; the root of all files only when it is named. */
export function readableRoots(cwd: string, named: string | undefined): string[] {
  const roots = (named ?? '').split(':').filter((root) => root.startsWith('/'));
  if (roots.length > 0) return roots;
  return cwd === '/' ? [] : [cwd];
}
