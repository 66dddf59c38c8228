// What of the observations works on this machine, for this user, and why the rest does not: capabilities(7), Documentation/admin-guide/sysctl/kernel.rst
// (perf_event_paranoid, unprivileged_bpf_disabled), namespaces(7).

import { arch, release } from 'node:os';
import type { Capabilities } from '../../core/observed-machine.ts';
import { run } from '../process.ts';
import { cgroupMounts } from './cgroup-paths.ts';
import { pressure } from './pressure.ts';
import { numberIn, parseFields, parseSchedStat } from './procfs.ts';
import { schedExt } from './sched-ext.ts';
import { list, read, readLine, readLink, readNumber, type Surfaces } from './surfaces.ts';

type Check = Capabilities['checks'][number];

/** Bits of the mask, of include/uapi/linux/capability.h. */
const known: Readonly<Record<string, number>> = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
};

/** Names out of the hexadecimal mask CapEff. */
export function capabilityNames(mask: string): string[] {
  if (!/^[0-9a-f]{1,16}$/i.test(mask)) return [];
  const bits = BigInt(`0x${mask}`);
  return Object.entries(known).flatMap(([name, bit]) => ((bits >> BigInt(bit)) & 1n ? [name] : []));
}

/** Inode number of the first pid namespace: PROC_PID_INIT_INO of include/linux/proc_ns.h. */
export const firstPidNamespace = 'pid:[4026531836]';

/** The parts of perf are asked for by running it: whether a CPU has counters is known only by counting. */
async function pmu(surfaces: Surfaces, signal: AbortSignal): Promise<Check> {
  const what = 'PMU counters (cycles, instructions, cache misses)';
  const paranoid = readNumber(`${surfaces.proc}/sys/kernel/perf_event_paranoid`);
  if (paranoid === undefined) return { what, ok: false, detail: 'this kernel has no perf events' };
  const done = await run('perf', ['stat', '-x,', '-e', 'cycles', '--', 'true'], {
    limitMs: 5_000,
    signal,
  }).catch(() => undefined);
  if (signal.aborted || done === undefined)
    return {
      what,
      ok: false,
      detail: `perf is not installed; perf_event_paranoid is ${paranoid}`,
      next: 'install perf to have them',
    };
  const count = /^(\d+),[^,]*,cycles/m.exec(done.stderr)?.[1];
  if (count !== undefined)
    return { what, ok: true, detail: `perf counts cycles; perf_event_paranoid is ${paranoid}` };
  return /not supported/.test(done.stderr)
    ? {
        what,
        ok: false,
        detail: 'this CPU or guest has none',
        next: 'memory-bound work stays "unsure" without them',
      }
    : {
        what,
        ok: false,
        detail: `perf may not count; perf_event_paranoid is ${paranoid}`,
        next: 'run as root, or set kernel.perf_event_paranoid to 1 or less',
      };
}

function probes(surfaces: Surfaces, names: readonly string[]): Check {
  const what = 'probes (eBPF): histograms, wakers, recordings';
  const hasBtf = list(`${surfaces.sys}/kernel/btf`).includes('vmlinux');
  if (!hasBtf)
    return {
      what,
      ok: false,
      detail: 'the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)',
      next: 'procfs is used instead',
    };
  const allowed =
    names.includes('CAP_SYS_ADMIN') || (names.includes('CAP_BPF') && names.includes('CAP_PERFMON'));
  return allowed
    ? { what, ok: true, detail: 'BTF is there and we may load programs' }
    : {
        what,
        ok: false,
        detail: 'we may not load programs',
        next: 'run as root, or with CAP_BPF and CAP_PERFMON; procfs is used instead',
      };
}

function scheduling(surfaces: Surfaces): Check {
  const stat = parseSchedStat(read(`${surfaces.proc}/self/schedstat`) ?? '');
  const what = 'run delay of each thread (schedstat)';
  return stat !== undefined && stat.runs > 0
    ? { what, ok: true, detail: 'CONFIG_SCHED_INFO' }
    : { what, ok: false, detail: 'this kernel does not count it (CONFIG_SCHED_INFO)' };
}

function visibility(surfaces: Surfaces, isRoot: boolean, names: readonly string[]): Check {
  const what = 'processes of other users';
  const options = (read(`${surfaces.proc}/self/mountinfo`) ?? '')
    .split('\n')
    .find((line) => / \/proc /.test(line) && / - proc /.test(line));
  const hidden = /hidepid=(\w+)/.exec(options ?? '')?.[1];
  if (hidden !== undefined && !['0', 'off'].includes(hidden) && !isRoot)
    return {
      what,
      ok: false,
      detail: `hidden: /proc is mounted with hidepid=${hidden}`,
      next: 'run as root',
    };
  return isRoot || names.includes('CAP_SYS_PTRACE')
    ? { what, ok: true, detail: 'all of them, with their files and maps' }
    : {
        what,
        ok: 'partly',
        detail: 'times, states and commands; no io, maps and open files',
        next: 'run as root',
      };
}

function cgroups(surfaces: Surfaces): Check {
  const what = 'cgroups';
  const { v2, v1 } = cgroupMounts(surfaces);
  if (v2 === undefined && v1.size === 0) return { what, ok: false, detail: 'none are mounted' };
  if (v2 === undefined)
    return { what, ok: 'partly', detail: 'version 1 only: no pressure, no cpu.stat of every group' };
  return v1.size === 0
    ? { what, ok: true, detail: `version 2 at ${v2.directory}` }
    : {
        what,
        ok: 'partly',
        detail: `version 2 at ${v2.directory}, controllers at version 1: ${[...v1.keys()].join(', ')}`,
      };
}

function pressureCheck(surfaces: Surfaces): Check {
  const { on, why = '' } = pressure(surfaces, {});
  const next = why.includes('psi=1') ? 'boot with psi=1' : undefined;
  return {
    what: 'pressure (PSI)',
    ok: on,
    detail: on ? 'cpu, io, memory' : why,
    ...(next === undefined ? {} : { next }),
  };
}

function schedExtCheck(surfaces: Surfaces): Check {
  const { supported, state, ops, notes } = schedExt(surfaces);
  return {
    what: 'sched_ext',
    ok: supported,
    detail: supported
      ? `${state ?? 'state unknown'}${ops === undefined ? '' : `: ${ops}`}`
      : (notes[0] ?? ''),
  };
}

function power(surfaces: Surfaces): Check {
  const system = `${surfaces.sys}/devices/system/cpu`;
  const driver = readLine(`${system}/cpufreq/policy0/scaling_driver`);
  const idle = readLine(`${system}/cpuidle/current_driver`);
  const detail = `cpufreq: ${driver ?? 'none'}, cpuidle: ${idle ?? 'none'}`;
  return {
    what: 'frequency and idle states',
    ok: driver !== undefined ? true : idle !== undefined ? 'partly' : false,
    detail,
  };
}

function diskWaits(surfaces: Surfaces): Check {
  const what = 'waiting for block I/O, of each thread (delay accounting)';
  const on = readNumber(`${surfaces.proc}/sys/kernel/task_delayacct`);
  return on === 1
    ? { what, ok: true, detail: 'kernel.task_delayacct is 1' }
    : {
        what,
        ok: false,
        detail: on === 0 ? 'it is off' : 'not in this kernel',
        ...(on === 0 ? { next: 'sysctl kernel.task_delayacct=1, for tasks that start after it' } : {}),
      };
}

export async function capabilities(surfaces: Surfaces, signal: AbortSignal): Promise<Capabilities> {
  const status = parseFields(read(`${surfaces.proc}/self/status`) ?? '');
  const isRoot = /^\d+\s+0\s/.test(status.get('Uid') ?? '');
  const names = capabilityNames(status.get('CapEff') ?? '');
  const namespace = readLink(`${surfaces.proc}/self/ns/pid`);
  const nested = (status.get('NSpid') ?? '').split(/\s+/).length > 1;
  const inside = namespace !== undefined && namespace !== firstPidNamespace;
  return {
    kernel: readLine(`${surfaces.proc}/sys/kernel/osrelease`) ?? release(),
    architecture: arch(),
    root: isRoot,
    capabilities: names,
    ...(inside || nested
      ? {
          container: `we are in a pid namespace of our own (${namespace ?? 'unknown'}): only its processes are seen`,
        }
      : {}),
    checks: [
      {
        what: 'processes, CPUs, block devices (procfs, sysfs)',
        ok: numberIn(status, 'Pid') !== undefined,
        detail: surfaces.proc,
      },
      scheduling(surfaces),
      visibility(surfaces, isRoot, names),
      probes(surfaces, names),
      cgroups(surfaces),
      pressureCheck(surfaces),
      diskWaits(surfaces),
      power(surfaces),
      schedExtCheck(surfaces),
      await pmu(surfaces, signal),
    ],
  };
}
