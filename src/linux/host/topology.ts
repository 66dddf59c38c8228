// The CPUs of a machine: how many, how they hang together (sysfs: devices/system/cpu, Documentation/ABI/testing/sysfs-devices-system-cpu), what they did over an
// interval (/proc/stat).

import { Fault } from '../../core/errors.ts';
import type { IntervalWish } from '../../core/host.ts';
import type { Cpus } from '../../core/observed-machine.ts';
import { type CpuTimes, cpuList, type MachineStat, parseCpuList, parseMachineStat } from './procfs.ts';
import { grown, list, paged, read, readLine, readNumber, type Surfaces } from './surfaces.ts';

interface Place {
  readonly cpu: number;
  readonly package?: number | undefined;
  readonly node?: number | undefined;
  /** The CPUs of its core and of its last-level cache, as the kernel lists them: what names both. */
  readonly core?: string | undefined;
  readonly llc?: string | undefined;
  readonly llcKiB?: number | undefined;
}

/** Throws Fault('malformed') where procfs holds no counters of CPUs. */
export function machineStat({ proc }: Surfaces): MachineStat {
  const stat = parseMachineStat(read(`${proc}/stat`) ?? '');
  if (stat === undefined)
    throw new Fault('unavailable', `no counters of CPUs in ${proc}/stat`, {
      next: 'is procfs mounted on /proc?',
    });
  return stat;
}

export function onlineCpus(surfaces: Surfaces): number[] {
  const listed = parseCpuList(readLine(`${surfaces.sys}/devices/system/cpu/online`) ?? '') ?? [];
  return listed.length > 0 ? listed : [...machineStat(surfaces).cpus.keys()];
}

function placeOf(sys: string, cpu: number): Place {
  const at = `${sys}/devices/system/cpu/cpu${cpu}`;
  const node = list(at).flatMap((name) => /^node(\d+)$/.exec(name)?.[1] ?? [])[0];
  const caches = list(`${at}/cache`)
    .filter((name) => /^index\d+$/.test(name))
    .map((name) => ({
      level: readNumber(`${at}/cache/${name}/level`) ?? 0,
      type: readLine(`${at}/cache/${name}/type`),
      cpus: readLine(`${at}/cache/${name}/shared_cpu_list`),
      size: /^(\d+)K$/.exec(readLine(`${at}/cache/${name}/size`) ?? '')?.[1],
    }))
    .filter((cache) => cache.type !== 'Instruction' && cache.cpus)
    .sort((a, b) => b.level - a.level);
  return {
    cpu,
    package: readNumber(`${at}/topology/physical_package_id`),
    node: node === undefined ? undefined : Number(node),
    core: readLine(`${at}/topology/core_cpus_list`) ?? readLine(`${at}/topology/thread_siblings_list`),
    llc: caches[0]?.cpus,
    llcKiB: caches[0]?.size === undefined ? undefined : Number(caches[0].size),
  };
}

/** Numbers for the different values in order of appearance; undefined where one is not known. */
function numbered(values: readonly (string | undefined)[]): {
  of: (number | undefined)[];
  count: number | undefined;
} {
  const seen = new Map<string, number>();
  const of = values.map((value) => {
    if (value === undefined) return undefined;
    if (!seen.has(value)) seen.set(value, seen.size);
    return seen.get(value);
  });
  return { of, count: values.every((value) => value !== undefined) ? seen.size : undefined };
}

export interface Used {
  readonly busy: number;
  readonly user: number;
  readonly system: number;
  readonly interrupts: number;
  readonly iowait: number;
  readonly steal: number;
}

/** Shares of what the CPU's clock counted; undefined when it counted nothing (too short, or the CPU is gone). */
export function used(before: CpuTimes | undefined, after: CpuTimes | undefined): Used | undefined {
  if (before === undefined || after === undefined) return undefined;
  const of = (key: keyof CpuTimes): number => grown(before[key], after[key]);
  const [user, system, interrupts] = [of('userNs'), of('systemNs'), of('interruptNs')];
  const [iowait, steal] = [of('iowaitNs'), of('stealNs')];
  const total = user + system + interrupts + iowait + steal + of('idleNs');
  if (total === 0) return undefined;
  const busy = user + system + interrupts;
  return {
    busy: busy / total,
    user: user / total,
    system: system / total,
    interrupts: interrupts / total,
    iowait: iowait / total,
    steal: steal / total,
  };
}

export async function cpus(surfaces: Surfaces, wish: IntervalWish, signal: AbortSignal): Promise<Cpus> {
  const { sys } = surfaces;
  const started = surfaces.nowNs();
  const before = machineStat(surfaces);
  if (wish.intervalMs > 0) await surfaces.sleep(wish.intervalMs, signal);
  const after = machineStat(surfaces);
  const observedNs = surfaces.nowNs() - started;

  const online = onlineCpus(surfaces);
  const possible = parseCpuList(readLine(`${sys}/devices/system/cpu/possible`) ?? '') ?? [];
  const places = online.map((cpu) => placeOf(sys, cpu));
  const cores = numbered(places.map((place) => place.core));
  const llcs = numbered(places.map((place) => place.llc));
  const packages = numbered(places.map((place) => place.package?.toString()));
  const nodes = numbered(places.map((place) => place.node?.toString()));
  const { rows, left } = paged(places, wish.page, wish.limit);
  const first = (wish.page - 1) * wish.limit;
  const all = used(before.all, after.all);
  const system = `${sys}/devices/system/cpu`;
  const notes: string[] = [];
  if (cores.count === undefined) notes.push('topology: this kernel or guest does not tell it');
  if (llcs.count === undefined) notes.push('caches: not described in sysfs');
  if (wish.intervalMs < 100)
    notes.push('utilisation is counted in steps of 10 ms: ask for a longer interval to have it');
  if ((all?.steal ?? 0) > 0.02)
    notes.push('steal: this is a guest, and its host gave that share of CPU time to others');
  const governorDriver = readLine(`${system}/cpufreq/policy0/scaling_driver`);
  const idleDriver = readLine(`${system}/cpuidle/current_driver`);
  return {
    count: online.length,
    online: cpuList(online),
    offline: cpuList(possible.filter((cpu) => !online.includes(cpu))),
    packages: packages.count,
    nodes: nodes.count,
    llcs: llcs.count,
    cores: cores.count,
    threadsPerCore: cores.count === undefined ? undefined : online.length / cores.count,
    llcKiB: places[0]?.llcKiB,
    ...(governorDriver === undefined ? {} : { frequencyDriver: governorDriver }),
    ...(idleDriver === undefined ? {} : { idleDriver }),
    observedNs,
    utilisation: all?.busy,
    cpus: rows.map(({ cpu, node }, index) => ({
      cpu,
      node,
      llc: llcs.of[first + index],
      core: cores.of[first + index],
      ...used(before.cpus.get(cpu), after.cpus.get(cpu)),
    })),
    left,
    notes,
  };
}
