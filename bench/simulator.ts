// npm run bench -- simulator: how fast the simulator is and what it takes, beside its peer (the default scheduler, which is JavaScript alone) and its limit
// (the core with a bare queue). Wall time, as asked; CPU time of the process beside it, for machines that do other things too.

import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Expansion } from '../src/core/workload.ts';
import { inlineMore } from '../src/machines/compiler.ts';
import {
  costProfiles,
  type Model,
  type Simulated,
  type SimulationInput,
  Simulator,
} from '../src/simulator/simulate.ts';
import { expand } from '../src/workload/expand.ts';
import { median, row } from './lib.ts';
import { runBare } from './simulator/bare-core.ts';
import { largerService, runnersAndSleepers, serviceMinute, standard } from './simulator/workloads.ts';

const policies = ['classes', 'deadline', 'fifo', 'layers', 'length', 'llc', 'vtime'] as const;
const warmUps = 4;
const rounds = 11;
const memoryBytes = 2 ** 28;

type Choice = Pick<SimulationInput, 'expansion' | 'shape'> & {
  readonly arm: string;
  readonly costs?: keyof typeof costProfiles;
  readonly mode?: SimulationInput['mode'];
  readonly prepare?: (model: Model) => void;
};

export async function benchSimulator(): Promise<void> {
  row(
    'load of this machine',
    '',
    loadavg()
      .map((one) => one.toFixed(1))
      .join(' '),
    undefined,
  );
  row('calibration: random reads of 8 KiB, ns each', '', quartiles(calibration()), undefined);
  inlineMore();
  const simulator = new Simulator(memoryBytes);
  const rate = switchRates(simulator);
  realTime(simulator);
  memoryPerTask();
  comparison(simulator);
  besides(simulator, rate);
}

const on8 = { expansion: runnersAndSleepers(100, 8, 2e9), shape: { cpus: 8 } };

/** Millions of switches a second on 8 CPUs. First of all: V8 compiles best what it has seen used in one way only. */
function switchRates(simulator: Simulator): Measured {
  const vtime = measure(() => run(simulator, { ...on8, arm: 'vtime' }).switches);
  rateRow('vtime, checks on, 8 CPUs / 100 tasks', vtime, 1.2);
  const on256 = { expansion: runnersAndSleepers(10_000, 256, 4e8), shape: { cpus: 256, llcs: 16 } };
  const large = measure(() => run(simulator, { ...on256, arm: 'vtime' }).switches);
  rateRow('vtime, checks on, 256 CPUs / 10,000 tasks', large, 0.5);
  const ratio = median(vtime.perCpu) / median(large.perCpu);
  row('  CPU time per switch, × that on 8 CPUs', '≤ 2.5', ratio.toFixed(2), ratio <= 2.5);
  return vtime;
}

/** What the rates are to be seen beside. */
function besides(simulator: Simulator, first: Measured): void {
  const again = measure(() => run(simulator, { ...on8, arm: 'vtime' }).switches);
  rateRow('vtime, 8 CPUs / 100 tasks, after all of the above', again, undefined);
  const slower = median(again.perCpu) / median(first.perCpu);
  row('  rate, × that of a fresh process', '', slower.toFixed(2), undefined);
  const fast = measure(() => run(simulator, { ...on8, arm: 'vtime', mode: 'fast' }).switches);
  rateRow('checks off', fast, undefined);
  const peer = measure(() => run(simulator, { ...on8, arm: 'default' }).switches);
  rateRow('the peer: default scheduler', peer, undefined);
  const bare = measure(() => runBare(on8.expansion, 8, costProfiles.hardware));
  rateRow('the limit: core and player, a bare queue', bare, undefined);
}

function realTime(simulator: Simulator): void {
  const minute = serviceMinute(4);
  const batch = expand(standard('long-tail'), { seed: 1, cpus: 4 });
  for (const costs of ['hardware', 'tcg'] as const)
    for (const arm of ['vtime', 'default']) {
      const on4 = { shape: { cpus: 4, llcs: 4 }, costs, arm };
      const service = measure(() => seconds(minute.map((one) => run(simulator, { ...on4, expansion: one }))));
      timesRow(`web-poisson, a minute, ${arm}, costs ${costs}`, service, arm === 'vtime' ? 100 : undefined);
      const times = measure(() => seconds([run(simulator, { ...on4, expansion: batch })]));
      timesRow(`long-tail, ${arm}, costs ${costs}`, times, arm === 'vtime' ? 3000 : undefined);
    }
}

function comparison(simulator: Simulator): void {
  const shape = { cpus: 128, llcs: 4 };
  const file = largerService(32);
  const started = performance.now();
  let switches = 0;
  for (const seed of [1, 2, 3]) {
    const expansion = expand(file, { seed, cpus: shape.cpus });
    for (const arm of ['default', ...policies])
      switches += run(simulator, { expansion, shape, arm }).switches;
  }
  const wall = (performance.now() - started) / 1000;
  const text = `${wall.toFixed(1)} s, ${(switches / 1e6).toFixed(1)} million switches`;
  row('128 CPUs, 4 LLCs: all arms, 32 × web-poisson, 3 seeds', '< 60 s', text, wall < 60);
}

/** In the middle of a simulation, against a smaller one: tables, simulated memory with its shadow, and the simplest of programs. */
function memoryPerTask(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    for (let again = 0; again < 3; again++) collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const simulators: Simulator[] = []; // kept: what is freed in the middle of the next one would count for it
  const bytesOf = (expansion: Expansion): number => {
    const simulator = new Simulator(memoryBytes);
    simulators.push(simulator);
    const before = used();
    let bytes = 0;
    const prepare = ({ core, ext }: Model): void => {
      core.afterEvent = () => {
        if (bytes !== 0 || core.switches < 3 * core.tasks.count) return;
        const { memory } = ext!.scx.memory;
        bytes = used() - before + 2 * (memory.limit - memory.available);
      };
    };
    run(simulator, { expansion, shape: { cpus: 64 }, arm: 'vtime', prepare });
    return bytes;
  };
  const [few, many] = [1000, 9000].map((count) => runnersAndSleepers(count, 64, 1e8, 1)) as [
    Expansion,
    Expansion,
  ];
  const each = Array.from(
    { length: 5 },
    // copies: what the simulator has worked out for an expansion it keeps
    () => (bytesOf({ ...many }) - bytesOf({ ...few })) / (many.tasks.length - few.tasks.length),
  );
  const text = `${quartiles(each)} bytes`;
  row('memory per task, its program and shadow included', '≤ 1 KB', text, median(each) <= 1024);
}

function run(
  simulator: Simulator,
  { arm, costs = 'hardware', mode = 'checked', ...rest }: Choice,
): Simulated {
  const simulated = simulator.run({
    ...rest,
    ...(arm === 'default' ? {} : { policy: { object: objectOf(arm), maps: [] } }),
    costs: costProfiles[costs],
    mode,
    startOffsetNs: 0,
    pidOffset: 0,
    seed: 1,
    limitNs: 1e12,
    timeoutMs: 5000,
  });
  const done = simulated.events.find(({ event }) => event === 'done');
  if (simulated.finding !== undefined || done?.status !== 'ok')
    throw new Error(`${arm} has failed: ${simulated.finding?.message ?? JSON.stringify(simulated.events)}`);
  return simulated;
}

const objects = new Map<string, Uint8Array>();
function objectOf(policy: string): Uint8Array {
  const known = objects.get(policy);
  const object = known ?? readFileSync(new URL(`../policies/${policy}/${policy}.bpf.o`, import.meta.url));
  objects.set(policy, object);
  return object;
}

function seconds(all: readonly Simulated[]): number {
  return all.reduce((sum, { simulatedNs }) => sum + simulatedNs / 1e9, 0);
}

interface Measured {
  /** What the function gave, for each second of wall time, and of CPU time: without the rounds that warm up. */
  readonly perWall: number[];
  readonly perCpu: number[];
}

function measure(work: () => number): Measured {
  const measured: Measured = { perWall: [], perCpu: [] };
  for (let round = -warmUps; round < rounds; round++) {
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    const amount = work();
    const seconds = (performance.now() - wall) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (round < 0) continue;
    measured.perWall.push(amount / seconds);
    measured.perCpu.push(amount / ((user + system) / 1e6));
  }
  return measured;
}

function rateRow(what: string, { perWall, perCpu }: Measured, millions: number | undefined): void {
  const scaled = (values: number[]): string => quartiles(values.map((value) => value / 1e6));
  const text = `${scaled(perWall)}; a CPU s ${scaled(perCpu)}`;
  const holds = millions === undefined ? undefined : median(perWall) >= millions * 1e6;
  row(`${what}, M switches/s`, millions === undefined ? '' : `≥ ${millions}`, text, holds);
}

function timesRow(what: string, { perWall, perCpu }: Measured, times: number | undefined): void {
  const text = `${quartiles(perWall)}; a CPU s ${quartiles(perCpu)}`;
  const holds = times === undefined ? undefined : median(perWall) >= times;
  row(`${what}, × real time`, times === undefined ? '' : `≥ ${times}`, text, holds);
}

/** "median [first quartile, third]". */
function quartiles(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => {
    const value = sorted[Math.floor(share * (sorted.length - 1))]!;
    return value.toFixed(value < 10 ? 2 : 0);
  };
  return `${at(0.5)} [${at(0.25)}, ${at(0.75)}]`;
}

/** Nanoseconds of one read and one write in a table of 1024 numbers: how fast this machine is at the moment. */
function calibration(): number[] {
  const table = new Float64Array(1024);
  const pass = (count: number): void => {
    for (let i = 0; i < count; i++) table[(i * 7) & 1023] = table[i & 1023]! * 0.5 + i;
  };
  pass(1e6);
  return Array.from({ length: rounds }, () => {
    const before = performance.now();
    pass(1e6);
    return performance.now() - before;
  });
}
