// A scenario as the player executes it: flat operations per task (docs/protocol.md section 1). All tasks are background tasks of one round, so that
// the simulation's limit ends the scenario.

import type { Scenario, ScenarioOp, ScenarioTask } from '../../core/scenario.ts';
import { type Expansion, type ExpansionTask, endless, type Op, opCodes } from '../../core/workload.ts';

const semaphores = 16;

export function expansionOf(scenario: Scenario): Expansion {
  return {
    semaphores,
    locks: 0,
    pipes: 0,
    rounds: 1,
    warmupRounds: 0,
    series: [],
    cgroups: [],
    tasks: scenario.tasks.map((task) => expanded(task, scenario.cpus)),
  };
}

function expanded(task: ScenarioTask, cpus: number): ExpansionTask {
  const ops = task.ops.map((op) => operation(op, cpus));
  if (task.times !== 1 && ops.length > 0) ops.push(repeated(task.times, ops.length));
  return {
    comm: task.comm,
    round: 0,
    background: true,
    forked: task.forked,
    startNs: task.startNs,
    nice: task.nice,
    schedClass: task.class,
    cgroup: -1,
    group: 0,
    cpus: task.cpus.length === 0 ? 0n : bits(task.cpus),
    ops,
  };
}

function repeated(times: number | 'forever', back: number): Op {
  return { code: opCodes.REPEAT, a: times === 'forever' ? endless : times - 1, b: BigInt(back) };
}

function operation(op: ScenarioOp, cpus: number): Op {
  if ('run' in op) return { code: opCodes.RUN, a: 0, b: BigInt(op.run) };
  if ('sleep' in op) return { code: opCodes.SLEEP, a: 0, b: BigInt(op.sleep) };
  if ('yield' in op) return { code: opCodes.YIELD, a: 0, b: 0n };
  if ('fork' in op) return { code: opCodes.FORK, a: op.fork, b: 0n };
  if ('wait' in op) return { code: opCodes.WAIT, a: op.wait, b: 0n };
  if ('signal' in op) return { code: opCodes.SIGNAL, a: op.signal, b: BigInt(op.units) };
  if ('nice' in op) return { code: opCodes.NICE, a: 0, b: BigInt(op.nice) };
  const chosen = op.cpus.length === 0 ? Array.from({ length: cpus }, (_, cpu) => cpu) : op.cpus;
  return { code: opCodes.CPUS, a: 0, b: bits(chosen) };
}

export function bits(cpus: readonly number[]): bigint {
  return cpus.reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n);
}
