// Whether a guest has room for what it is to hold, told before gigabytes are copied or a guest is started for nothing.

import { readFileSync } from 'node:fs';
import { Fault } from '../core/errors.ts';
import type { Experiment } from '../core/records.ts';

/** Before gigabytes are copied: a guest of this machine must be able to hold them. */
export function checkRoom(bytes: number, withPaths: readonly string[]): void {
  const [needed, there] = [192 + (2 * bytes) / (1 << 20), hostMemoryMiB()];
  if (needed <= there) return;
  throw new Fault(
    'unsupported',
    `the command's files are ${Math.ceil(bytes / 1e6)} MB: a guest with them would need ${Math.ceil(needed)} MiB of memory, ${there} MiB are free`,
    { next: `bring less with --with (now: ${withPaths.join(' ') || 'nothing'})` },
  );
}

export function checkSize(experiment: Experiment, payloads: ReadonlyMap<string, { bytes: number }>): void {
  const { workload, topology } = experiment;
  const { nodes, llcs, threads, capacities } = topology;
  if ([nodes, llcs, threads, capacities].some((part) => part !== undefined))
    throw new Fault('unsupported', 'the CPUs of a micro-VM are equal, without SMT, in one LLC of one node', {
      next: 'use the simulator (--machine simulator) for topologies',
    });
  const bytes = workload?.kind === 'command' ? (payloads.get(workload.payload)?.bytes ?? 0) : 0;
  const needed = 192 + Math.ceil((2 * bytes) / (1 << 20));
  if (topology.memoryMiB >= needed) return;
  throw new Fault(
    'unsupported',
    `the payload of ${Math.ceil(bytes / (1 << 20))} MiB needs a guest of ${needed} MiB, this one has ${topology.memoryMiB} MiB`,
    { next: `use --memory ${needed}, or bring less with --with` },
  );
}

/** MemAvailable of the host, MiB: what guests can be given. */
function hostMemoryMiB(): number {
  const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
  return Math.floor(Number(kib ?? 0) / 1024);
}
