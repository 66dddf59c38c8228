// Scheduling domains: the levels at which a CPU balances, and the groups between which it does. Source: kernel/sched/topology.c (sd_init,
// build_sched_groups, sd_degenerate, adjust of imb_numa_nr), v6.18, for x86 levels SMT, MC (LLC), PKG and one level of NUMA.

import type { Topology } from '../topology.ts';

export interface CpuGroup {
  readonly cpus: Int32Array;
  readonly capacity: number;
  readonly cores: number;
  /** Threads of one core. */
  readonly isSmt: boolean;
  /** SD_PREFER_SIBLING of the domains below: tasks spread over such groups. */
  readonly prefersSibling: boolean;
  /** Affinity kept its own level from balancing it. */
  imbalanced: boolean;
}

/** One level of one CPU. */
export interface Domain {
  readonly level: 'smt' | 'llc' | 'package' | 'numa';
  readonly cpus: Int32Array;
  /** In order of CPUs; `local` is the one of this CPU. */
  readonly groups: readonly CpuGroup[];
  readonly local: number;
  readonly sharesLlc: boolean;
  readonly imbalancePct: number;
  readonly cacheNiceTries: number;
  /** Imbalance in tasks between nodes that is left alone up to so many running. */
  readonly numaSlack: number;
  readonly minIntervalMs: number;
  intervalMs: number;
  /** Jiffies. */
  lastBalance: number;
  failed: number;
  /** The most that a CPU that goes idle has spent on this level, ns, and when that was last let fade. */
  newidleCost: number;
  newidleDecayedAt: number;
  /** How often it has come by, how often it has found something, and what that makes of 1024 times. */
  newidleCalls: number;
  newidleSuccess: number;
  newidleRatio: number;
  child: Domain | undefined;
  parent: Domain | undefined;
}

type Level = Domain['level'];

/** By CPU: its domains from the smallest. Levels whose span is no larger than the one below are left out. */
export function buildDomains(topology: Topology): Domain[][] {
  const everyCpu = Array.from({ length: topology.cpus }, (_, cpu) => cpu);
  const spansOf: readonly (readonly [Level, (cpu: number) => number])[] = [
    ['smt', (cpu) => topology.coreOf[cpu]!],
    ['llc', (cpu) => topology.llcOf[cpu]!],
    ['package', (cpu) => topology.nodeOf[cpu]!],
    ['numa', () => 0],
  ];
  const groupCache = new Map<string, CpuGroup>();
  return everyCpu.map((cpu) => {
    const list: Domain[] = [];
    let below = [cpu];
    let child: Domain | undefined;
    let keyOfBelow = (other: number): number => other;
    for (const [level, keyOf] of spansOf) {
      const span = everyCpu.filter((other) => keyOf(other) === keyOf(cpu));
      if (span.length === below.length) continue;
      const members = keyOfBelow;
      const keys = [...new Set(span.map(members))];
      const groups = keys.map((key) =>
        groupOf(
          groupCache,
          topology,
          level,
          child,
          span.filter((other) => members(other) === key),
        ),
      );
      const domain = domainOf(level, span, groups, keys.indexOf(members(cpu)), child, topology);
      if (child !== undefined) child.parent = domain;
      list.push(domain);
      child = domain;
      below = span;
      keyOfBelow = keyOf;
    }
    return list;
  });
}

function groupOf(
  cache: Map<string, CpuGroup>,
  topology: Topology,
  level: Level,
  child: Domain | undefined,
  cpus: number[],
): CpuGroup {
  const key = `${level} ${cpus}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const group: CpuGroup = {
    cpus: Int32Array.from(cpus),
    capacity: cpus.reduce((sum, cpu) => sum + topology.capacity[cpu]!, 0),
    cores: new Set(cpus.map((cpu) => topology.coreOf[cpu]!)).size,
    isSmt: child?.level === 'smt',
    prefersSibling: child !== undefined && child.level !== 'numa',
    imbalanced: false,
  };
  cache.set(key, group);
  return group;
}

function domainOf(
  level: Level,
  span: number[],
  groups: readonly CpuGroup[],
  local: number,
  child: Domain | undefined,
  topology: Topology,
): Domain {
  const weight = span.length;
  return {
    level,
    cpus: Int32Array.from(span),
    groups,
    local,
    sharesLlc: level === 'smt' || level === 'llc',
    imbalancePct: level === 'smt' ? 110 : 117,
    cacheNiceTries: level === 'smt' ? 0 : level === 'numa' ? 2 : 1,
    numaSlack: level === 'numa' ? numaSlack(topology) : 0,
    minIntervalMs: weight,
    intervalMs: weight,
    lastBalance: 0,
    failed: 0,
    newidleCost: 0,
    newidleDecayedAt: 0,
    newidleCalls: 512,
    newidleSuccess: 256,
    newidleRatio: 512,
    child,
    parent: undefined,
  };
}

/** imb_numa_nr: an eighth of a node with one LLC, else one task for each of its LLCs. */
function numaSlack(topology: Topology): number {
  const perNode = topology.llcs / topology.nodes;
  return Math.max(1, perNode === 1 ? Math.floor(topology.cpus / topology.nodes / 8) : perNode);
}
