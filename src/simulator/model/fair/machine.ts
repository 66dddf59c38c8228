// What placement and balancing ask of the CPUs: who is idle, how many run, what the LLC knows. Source: kernel/sched/{core,fair}.c (idle_cpu,
// sched_idle_cpu, nohz idle mask, sd_llc_shared), v6.18.

import type { Core } from '../core.ts';
import type { Bandwidth } from './bandwidth.ts';
import { buildDomains, type Domain } from './domains.ts';
import type { Entities, Queues } from './entities.ts';
import type { Features } from './features.ts';
import type { Loads } from './loads.ts';
import type { RunList } from './run-list.ts';

export class Machine {
  readonly core: Core;
  readonly entities: Entities;
  readonly queues: Queues;
  readonly loads: Loads;
  readonly list: RunList;
  readonly bandwidth: Bandwidth;
  readonly features: Features;
  readonly domains: readonly (readonly Domain[])[];
  /** By CPU: its largest domain within an LLC. */
  readonly llcDomain: readonly (Domain | undefined)[];
  readonly llcSize: number;
  /** By LLC: CPUs worth looking at for an idle one; whether a whole core may be idle. */
  readonly idleScan: Int32Array;
  readonly idleCores: Uint8Array;
  /** Some CPU has more than one task (rd->overloaded). */
  overloaded = false;

  constructor(
    core: Core,
    entities: Entities,
    queues: Queues,
    loads: Loads,
    list: RunList,
    bandwidth: Bandwidth,
    features: Features,
  ) {
    const { topology } = core;
    this.core = core;
    this.entities = entities;
    this.queues = queues;
    this.loads = loads;
    this.list = list;
    this.bandwidth = bandwidth;
    this.features = features;
    this.domains = buildDomains(topology);
    this.llcDomain = this.domains.map((domains) => domains.findLast((domain) => domain.sharesLlc));
    this.llcSize = topology.cpus / topology.llcs;
    this.idleScan = new Int32Array(topology.llcs).fill(this.llcSize);
    this.idleCores = new Uint8Array(topology.llcs).fill(1);
  }

  /** Tasks of all classes (rq->nr_running). */
  running(cpu: number): number {
    const visitors = this.core.visitor === cpu ? 1 : 0;
    return this.core.cpus.nrRunning[cpu]! + visitors - this.queues.hidden[cpu]!;
  }

  isIdle(cpu: number): boolean {
    const { curr, online } = this.core.cpus;
    return curr[cpu]! < 0 && this.running(cpu) === 0 && online[cpu] === 1;
  }

  /** Only SCHED_IDLE tasks are there. */
  isSchedIdle(cpu: number): boolean {
    const count = this.running(cpu);
    return count > 0 && this.queues.hIdle[cpu] === count;
  }

  isFree(cpu: number): boolean {
    return this.isIdle(cpu) || this.isSchedIdle(cpu);
  }

  /** All threads of its core but itself are idle. */
  isCoreIdle(cpu: number): boolean {
    const { coreOf, cpus, threads } = this.core.topology;
    if (threads === 1) return true;
    const cores = cpus / threads;
    for (let other = coreOf[cpu]!; other < cpus; other += cores)
      if (other !== cpu && !this.isIdle(other)) return false;
    return true;
  }

  sharesLlc(a: number, b: number): boolean {
    const { llcOf } = this.core.topology;
    return llcOf[a] === llcOf[b];
  }

  /** The smallest domain of `cpu` that holds `other` too. */
  sharedDomain(cpu: number, other: number): Domain | undefined {
    const { coreOf, llcOf, nodeOf } = this.core.topology;
    for (const domain of this.domains[cpu]!) {
      const { level } = domain;
      if (level === 'smt' && coreOf[cpu] !== coreOf[other]) continue;
      if (level === 'llc' && llcOf[cpu] !== llcOf[other]) continue;
      if (level === 'package' && nodeOf[cpu] !== nodeOf[other]) continue;
      return domain;
    }
    return undefined;
  }

  noteQueued(cpu: number): void {
    if (this.running(cpu) >= 2) this.overloaded = true;
  }
}
