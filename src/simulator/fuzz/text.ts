// A scenario in words, for people: what each task does and what happens to it.

import type { Disturbance, Scenario, ScenarioOp, ScenarioTask } from '../../core/scenario.ts';

/** "3 tasks, 1 disturbance, 2 CPUs, 2.5 s". */
export function sizeText({ tasks, disturbances, cpus, lengthNs }: Scenario): string {
  return `${count(tasks.length, 'task')}, ${count(disturbances.length, 'disturbance')}, ${count(cpus, 'CPU')}, ${nsText(lengthNs)}`;
}

/** One line each: the machine, tasks by number, disturbances by time. */
export function scenarioText(scenario: Scenario): string {
  const { cpus, llcs, threads, lengthNs, tasks, disturbances } = scenario;
  const parts = [llcs > 1 ? [`${llcs} LLCs`] : [], threads > 1 ? [`${threads} threads a core`] : []].flat();
  const machine = [count(cpus, 'CPU'), ...parts].join(', ');
  const name = (task: number): string => `${tasks[task]!.comm} (task ${task})`;
  return [
    `${machine}, ${nsText(lengthNs)}`,
    ...tasks.map((task, index) => `${name(index)}: ${taskText(task)}`),
    ...[...disturbances]
      .sort((a, b) => a.atNs - b.atNs)
      .map((one) => `at ${nsText(one.atNs)}: ${disturbanceText(one, name)}`),
  ].join('\n');
}

function taskText({ startNs, nice, class: schedClass, cpus, forked, ops, times }: ScenarioTask): string {
  const what = ops.length === 0 ? 'ends at once' : ops.map(opText).join(', ');
  const often = times === 'forever' ? ', for ever' : times === 1 ? '' : `, ${times} times`;
  const how = [
    forked ? 'forked' : startNs === 0 ? '' : `from ${nsText(startNs)}`,
    nice === 0 ? '' : `nice ${nice}`,
    schedClass === 'other' ? '' : `SCHED_${schedClass.toUpperCase()}`,
    cpus.length === 0 ? '' : `on ${cpusText(cpus)}`,
  ].filter((text) => text !== '');
  return `${what}${often}${how.length === 0 ? '' : ` (${how.join(', ')})`}`;
}

function opText(op: ScenarioOp): string {
  if ('run' in op) return `runs ${nsText(op.run)}`;
  if ('sleep' in op) return `sleeps ${nsText(op.sleep)}`;
  if ('yield' in op) return 'yields';
  if ('fork' in op) return `forks task ${op.fork}`;
  if ('wait' in op) return `waits for semaphore ${op.wait}`;
  if ('signal' in op) return `signals semaphore ${op.signal}${op.units === 1 ? '' : ` ${op.units} times`}`;
  return 'nice' in op ? `sets its nice to ${op.nice}` : `sets its affinity to ${cpusText(op.cpus)}`;
}

function disturbanceText(one: Disturbance, name: (task: number) => string): string {
  if ('affinity' in one) return `${name(one.affinity)} may use ${cpusText(one.cpus)}`;
  if ('renice' in one) return `${name(one.renice)} gets nice ${one.nice}`;
  if ('pin' in one) return `${name(one.pin)} disables migration for ${nsText(one.forNs)}`;
  if ('exec' in one) return `${name(one.exec)} becomes ${one.comm}`;
  if ('kill' in one) return `${name(one.kill)} is killed`;
  return 'offline' in one ? `CPU ${one.offline} goes` : `CPU ${one.online} comes`;
}

function cpusText(cpus: readonly number[]): string {
  if (cpus.length === 0) return 'all CPUs';
  return `CPU${cpus.length === 1 ? '' : 's'} ${cpus.join(', ')}`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`;
}

/** "2.5 s", "300 ms", "20 µs". */
function nsText(ns: number): string {
  if (ns >= 1e9) return `${round(ns / 1e9)} s`;
  return ns >= 1e6 ? `${round(ns / 1e6)} ms` : `${round(ns / 1e3)} µs`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
