// What the simulator's speed is measured on: tasks that run and sleep by turns until an end, and standard workloads made longer or larger.

import { readFileSync } from 'node:fs';
import type { Expansion, Op, WorkloadFile } from '../../src/core/workload.ts';
import { endless, opCodes } from '../../src/core/workload.ts';
import { createRandom } from '../../src/lib/random.ts';
import { expand } from '../../src/workload/expand.ts';
import { parseWorkload } from '../../src/workload/read.ts';

const runNs = 200_000;
/** CPU time asked for, of all that there is: somebody always waits. */
const demand = 1.15;

/** `count` tasks that each run about 0.2 ms and sleep, for ever, `stages` times differently; one more sleeps `simulatedNs`, and ends it. */
export function runnersAndSleepers(count: number, cpus: number, simulatedNs: number, stages = 8): Expansion {
  const random = createRandom(1);
  const about = (ns: number): bigint => BigInt(Math.round(ns * (0.5 + random.below(1000) / 1000)));
  const periodNs = (runNs * count) / (cpus * demand);
  const op = (code: Op['code'], b: bigint, a = 0): Op => ({ code, a, b });
  const bare = { round: 0, forked: false, nice: 0, schedClass: 'other', cgroup: -1, cpus: 0n } as const;
  const tasks = Array.from({ length: count }, (_, task) => {
    const turns = Array.from({ length: stages }, () => [
      op(opCodes.RUN, about(runNs)),
      op(opCodes.SLEEP, about(periodNs - runNs)),
    ]);
    const ops = [...turns.flat(), op(opCodes.REPEAT, BigInt(2 * stages), endless)];
    return { ...bare, comm: `t${task}`, background: true, startNs: Number(about(periodNs)), group: 0, ops };
  });
  const end = {
    ...bare,
    comm: 'end',
    background: false,
    startNs: 0,
    group: 1,
    ops: [op(opCodes.SLEEP, BigInt(simulatedNs))],
  };
  return {
    semaphores: 0,
    locks: 0,
    pipes: 0,
    rounds: 1,
    warmupRounds: 0,
    series: [],
    cgroups: [],
    tasks: [...tasks, end],
  };
}

export function standard(name: string): WorkloadFile {
  const text = readFileSync(new URL(`../../workloads/${name}.json`, import.meta.url), 'utf8');
  return parseWorkload(text, name);
}

/** Expansions of the service workload that together last a minute: as many rounds as one may have, and seeds. */
export function serviceMinute(cpus: number): Expansion[] {
  const file = { ...standard('web-poisson'), rounds: 40, warmupRounds: 1 };
  return [1, 2, 3, 4].map((seed) => expand(file, { seed, cpus }));
}

/** The service with `times` the arrivals and `times` the workers: for as many more CPUs. */
export function largerService(times: number): WorkloadFile {
  const file = standard('web-poisson');
  const larger = (text: string): string => text.replace(/\d+/, (digits) => String(Number(digits) * times));
  const text = JSON.stringify(file, (key, value: unknown) => {
    if (key === 'count') return Number(value) * times;
    if (key === 'poisson' || key === 'signal') return larger(String(value));
    return value;
  });
  return parseWorkload(text, file.name);
}
