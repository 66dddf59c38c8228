// Under what a policy is asked: three declared loads, and two commands for what the workload language cannot say. Each lasts three times the watchdog's timeout at least.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkloadRef } from '../../src/core/records.ts';
import { corpusDirectory } from '../../test/gauntlet/corpus.ts';
import { declared, type Lab } from '../../test/support/lab.ts';
import { root } from '../../test/support/paths.ts';

/** A third of what the loads last at least; the longest wait that any sound policy makes under them is below half of it. */
export const watchdogMs = 1700;
export const cpus = 4;

export const loads = ['provoke', 'crowd', 'lone', 'forks', 'hotplug'] as const;
export type Load = (typeof loads)[number];

const scripts = {
  /** More forks than a table of 8192 entries has room for. */
  forks: 'i=0; while [ $i -lt 9000 ]; do (:) || exit 9; i=$((i+1)); done',
  /** Three CPUs go and come back, each for longer than the watchdog waits, under hogs and tasks that wake often. */
  hotplug: `
    pids=; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do while :; do :; done & pids="$pids $!"; done
    for n in 1 2 3 4; do while sleep 0.01; do :; done & pids="$pids $!"; done
    for cpu in 3 2 1; do
      online=/sys/devices/system/cpu/cpu$cpu/online
      echo 0 >$online || exit 9; sleep 3; echo 1 >$online || exit 9; sleep 0.5
    done; kill $pids`,
} as const;

/** Commands take their shell along. */
export async function workloadOf(lab: Lab, load: Load): Promise<WorkloadRef> {
  if (load !== 'forks' && load !== 'hotplug') {
    const directory = load === 'lone' ? corpusDirectory : join(root, 'workloads/gauntlet');
    return await declared(lab, readFileSync(join(directory, `${load}.json`), 'utf8'), 1, cpus);
  }
  const { digest, executable } = await lab.vm.pack('/bin/sh', ['/bin/sleep'], {
    cwd: '/',
    path: '/usr/bin:/bin',
  });
  return {
    ...{ kind: 'command', name: load, argv: [executable, '-c', scripts[load]], cwd: '/', env: {}, with: [] },
    ...{ payload: digest, runs: 1, patterns: {} },
  };
}
