// A guest takes CPUs of its own off and on (Documentation/core-api/cpu_hotplug.rst), so that its host has as many as an experiment asks for.

import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HostMachine } from '../../src/machines/host.ts';

export const presentCpus =
  Number(readFileSync('/sys/devices/system/cpu/present', 'utf8').trim().split('-').at(-1)) + 1;

/** The first so many, or all that there are. CPU 0 stays. */
export function onlineCpus(count: number): void {
  for (let cpu = 1; cpu < presentCpus; cpu++) {
    const file = `/sys/devices/system/cpu/cpu${cpu}/online`;
    const wanted = cpu < count ? '1' : '0';
    if (readFileSync(file, 'utf8').trim() !== wanted) writeFileSync(file, wanted);
  }
}

/** The kernel has work of its own after that, for a while. */
const settleMs = 1000;

/**
 * A policy's maps are freed up to a second after it is gone, with migration disabled and waiting for RCU (kernel/bpf/syscall.c: bpf_map_free(), since 6.14). A CPU that is taken off just then waits for
 * that task, RCU for the lock that is held meanwhile (check_all_holdout_tasks_trace(): cpus_read_lock()), and the task for RCU: until the next boot. Seen on 6.18.15 (docs/deployment.md).
 */
const freedMs = 2000;

export function withCpus(machine: HostMachine): HostMachine {
  return {
    ...machine,
    async run(experiment, signal) {
      const { cpus } = experiment.topology;
      if (cpus <= presentCpus && cpus !== availableParallelism()) {
        if (cpus < availableParallelism()) await sleep(freedMs);
        onlineCpus(cpus);
        await sleep(settleMs);
      }
      return machine.run(experiment, signal);
    },
  };
}
