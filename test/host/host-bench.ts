// What the host's own cases look at: everything that a run or an attachment could leave behind.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Blobs } from '../../src/core/machine.ts';
import type { Policy } from '../../src/core/records.ts';
import type { Runner } from '../../src/linux/runner.ts';
import { readSchedExt } from '../../src/linux/sched-ext.ts';
import type { HostMachine } from '../../src/machines/host.ts';
import { object } from '../support/paths.ts';

export interface HostBench {
  readonly machine: HostMachine;
  readonly blobs: Blobs;
  readonly runner: Runner;
}

export const debugSched = '/sys/kernel/debug/sched';

/** The state of the machine that must be the same before and after. */
export function traces(): Record<string, unknown> {
  return {
    baseSlice: readFileSync(`${debugSched}/base_slice_ns`, 'utf8'),
    features: readFileSync(`${debugSched}/features`, 'utf8'),
    controllers: readFileSync('/sys/fs/cgroup/cgroup.subtree_control', 'utf8'),
    state: readSchedExt()?.state,
    cgroups: names('/sys/fs/cgroup').filter((name) => /^schedcp-\d+\.(?!run0$)/.test(name)),
    run: names('/run/schedcp'),
    processes: processes(),
    extended: inSchedExt(),
  };
}

const names = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

/** Runners that live, but the one that plays init, and tasks that they have started. */
function processes(): string[] {
  return ids()
    .filter((pid) => pid > 1 && !ours.has(pid) && stat(pid)[0] !== 'Z')
    .map(
      (pid) => `${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}(${read(`/proc/${pid}/comm`).trim()})`,
    )
    .filter((text) => /^(\S*\/)?(runner|init) .*\(|^\S*sleep |\(work|\(fork/.test(text));
}

/** Those that were there before: the runner outside, which plays the guest's init. */
const ours = new Set<number>();
export function rememberProcesses(): void {
  for (const pid of ids()) ours.add(pid);
}

const ids = (): number[] =>
  names('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** From its state on: proc_pid_stat(5). */
const stat = (pid: number): string[] => read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];

/** A thread's sched class (field 41 of /proc/PID/stat) and nice value (19): proc_pid_stat(5). */
export function scheduling(pid: number): { readonly policy: number; readonly nice: number } {
  const fields = stat(pid);
  return { policy: Number(fields[41 - 3]), nice: Number(fields[19 - 3]) };
}

export const schedOther = 0;
export const schedExt = 7;

/** Threads in SCHED_EXT. */
function inSchedExt(): number[] {
  return ids().filter((pid) => scheduling(pid).policy === schedExt);
}

/** Polls; the error says what was seen last. */
export async function eventually(
  limitMs: number,
  what: string,
  holds: () => boolean | Promise<boolean>,
  seen: () => unknown = () => '',
): Promise<void> {
  for (const end = performance.now() + limitMs; ; await sleep(20)) {
    if (await holds()) return;
    if (performance.now() > end)
      throw new Error(`not within ${limitMs} ms: ${what} ${JSON.stringify(seen())}`);
  }
}

/** Throws unless everything is as it was. */
export async function restored(before: Record<string, unknown>, limitMs = 5000): Promise<void> {
  const same = (): boolean => JSON.stringify(traces()) === JSON.stringify(before);
  const differing = () =>
    Object.entries(traces()).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key]));
  await eventually(limitMs, 'everything as before', same, differing);
}

export async function policy({ blobs }: HostBench, name: string): Promise<Policy> {
  return { name, object: await blobs.put(readFileSync(object(name))), parameters: {} };
}

/** Processes whose parent this is. */
export function childrenOf(pid: number): number[] {
  return ids().filter((each) => Number(stat(each)[1]) === pid);
}

/** Processes of our runner that were given this subcommand. */
export function runnersOf({ runner }: HostBench, subcommand: string): number[] {
  return ids().filter((pid) => {
    const [file, word] = read(`/proc/${pid}/cmdline`).split('\0');
    const isSurvivor = read(`/proc/${pid}/comm`).startsWith('schedcp-s');
    return file === runner.file && word === subcommand && !isSurvivor;
  });
}
