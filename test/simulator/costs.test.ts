// What each cost is charged to, by hand calculation on workloads of a few operations; and docs/semantics.md against the profiles.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/core/calls.ts';
import { type Expansion, type ExpansionTask, opCodes } from '../../src/core/workload.ts';
import { type Costs, free } from '../../src/simulator/model/costs.ts';
import { costProfiles, type SimulationInput, Simulator } from '../../src/simulator/simulate.ts';
import { root } from '../support/paths.ts';

const ms = 1_000_000;
const simulator = new Simulator();

type Operation = readonly [code: keyof typeof opCodes, a: number, b: number];
const work: Operation = ['RUN', 0, ms];

function task(ops: readonly Operation[], more: Partial<ExpansionTask> = {}): ExpansionTask {
  const own = ops.map(([code, a, b]) => ({ code: opCodes[code], a, b: BigInt(b) }));
  const usual = { round: 0, background: false, forked: false, startNs: 0, nice: 0, cgroup: -1, group: 0 };
  return { ...usual, schedClass: 'other', cpus: 0n, comm: 'x', ops: own, ...more };
}

/** First come first served, in turns of 20 ms. */
const policy = { object: readFileSync(`${root}/test/conformance/objects/plain.bpf.o`), maps: [] };

/** When each task ended, in µs since the round began, where nothing costs anything but what is given. */
function ends(
  costs: Partial<Costs>,
  tasks: readonly ExpansionTask[],
  more: Partial<SimulationInput> = {},
  arm: 'plain' | 'default' = 'plain',
) {
  const nothing = { semaphores: 1, locks: 1, pipes: 1, rounds: 1, warmupRounds: 0, series: [], cgroups: [] };
  const expansion: Expansion = { ...nothing, tasks };
  const input = {
    shape: { cpus: 1 },
    mode: 'checked',
    seed: 1,
    limitNs: 1e9,
    timeoutMs: 5000,
  } as const;
  const { events, finding } = simulator.run({
    ...{ ...input, startOffsetNs: 0, pidOffset: 0, expansion, costs: { ...free, ...costs } },
    ...(arm === 'default' ? {} : { policy }),
    ...more,
  });
  expect(finding).toBeUndefined();
  return events
    .filter(({ event }) => event === 'task')
    .map((event) => (event as unknown as { endNs: number }).endNs / 1000);
}

const waiter = task([['WAIT', 0, 0], work]);
const signaller = task([work, ['SIGNAL', 0, 1]]);
const cpu = (number: number, { ops, ...rest }: ExpansionTask): ExpansionTask => ({
  ...{ ...rest, ops },
  cpus: 1n << BigInt(number),
});

describe('a cost is charged', () => {
  it('for a switch to who comes, and twice for the player that lets the tasks go', () =>
    expect(ends({ switchNs: 1000 }, [task([work]), task([work])])).toEqual([1003, 2004]));

  it('for a wakeup to whoever wakes: the player at once, the signaller at the end', () =>
    expect(ends({ wakeNs: 1000 }, [waiter, signaller])).toEqual([2002, 1001]));

  it('for a sleep of the default class to who comes', () => {
    // 100 µs and a sleep in the 3 ms of another
    const sleeper = task([
      ['RUN', 0, 100_000],
      ['SLEEP', 0, ms],
    ]);
    const long = task([['RUN', 0, 3 * ms]]);
    const late = (arm: 'plain' | 'default'): number =>
      ends({ fairSleepNs: 1000 }, [sleeper, long], {}, arm)[1]!;
    expect([late('default'), late('plain')]).toEqual([3101, 3100]);
  });

  it('for a system call to who makes it; the player makes two', () =>
    expect(ends({ syscallNs: 1000 }, [task([work, ['YIELD', 0, 0], work])])).toEqual([2003]));

  it('for a futex that sleeps or wakes, two system calls', () =>
    // two of the player and two of the waiter before the signaller's work, two of the signaller before the waiter's
    expect(ends({ syscallNs: 1000 }, [waiter, signaller])).toEqual([2006, 1004]));

  it('for an interrupt from another CPU, and more for an idle one, to the task that wakes there', () =>
    expect(
      ends({ ipiNs: 1000, idleExitNs: 2000 }, [cpu(0, signaller), cpu(1, waiter)], { shape: { cpus: 2 } }),
    ).toEqual([1000, 2003]));

  it('for a timer, on the way to its task', () =>
    expect(ends({ timerNs: 1000 }, [task([['SLEEP', 0, ms], work])])).toEqual([2001]));

  it('for each tick, 250 a second', () =>
    expect(ends({ tickNs: 1000 }, [task([['RUN', 0, 40 * ms]])])).toEqual([40_010]));

  it('for coming from another CPU, by distance', () => {
    const mover = task([work, ['CPUS', 0, 2], work], { cpus: 1n });
    const later = (shape: SimulationInput['shape']): number =>
      ends({ migrateNs: [1000, 2000, 3000, 4000] }, [mover], { shape })[0]! - 2000;
    expect(later({ cpus: 2, threads: 2 })).toBe(1);
    expect(later({ cpus: 2, llcs: 1 })).toBe(2);
    expect(later({ cpus: 2, llcs: 2 })).toBe(3);
    expect(later({ cpus: 2, nodes: 2 })).toBe(4);
  });

  it('for a fork, before the new task is there', () => {
    const parent = task([work, ['FORK', 1, 0], ['JOIN', 1, 0]]);
    expect(ends({ forkNs: 100_000 }, [parent, task([work], { forked: true })])).toEqual([2100, 2100]);
  });

  it('for an exit, after the end of the task', () =>
    expect(ends({ exitNs: 100_000 }, [task([work]), task([work])])).toEqual([1000, 2100]));

  it('for each byte through a pipe, once in and once out', () =>
    expect(ends({ byteNs: 1 }, [task([work, ['WRITE', 0, 1000]]), task([['READ', 0, 1000]])])).toEqual([
      1001, 1002,
    ]));

  it('for a busy sibling by a slower pace', () =>
    expect(
      ends({ smtShare: 0.5 }, [cpu(0, task([work])), cpu(1, task([work]))], {
        shape: { cpus: 2, threads: 2 },
      }),
    ).toEqual([2000, 2000]));
});

describe('a policy costs', () => {
  const yielding = [task([work, ['YIELD', 0, 0], work, ['YIELD', 0, 0], work])];

  it.each([
    ['callbackNs', (what: string) => what.startsWith('ops.')],
    ['kfuncNs', (what: string) => what.startsWith('scx_bpf_')],
  ] as const)('%s for each of its calls on the way', (name, isMeant) => {
    const calls: Call[] = [];
    const [end] = ends({ [name]: 1000 }, yielding, { calls });
    // all of them between the task's release and its end stand in its way on one CPU
    const inTheWay = calls.filter(({ ns, what }) => isMeant(what) && ns >= 0 && ns < end! * 1000);
    expect(inTheWay.length).toBeGreaterThan(1);
    expect(end! - 3000).toBe(inTheWay.length);
  });

  it('time for each executed instruction', () => {
    const [end, double] = [2, 4].map((instructionNs) => ends({ instructionNs }, yielding)[0]! - 3000);
    expect(end).toBeGreaterThan(0);
    expect(double).toBeCloseTo(2 * end!, 9);
  });

  it('its part of forks and exits only for tasks that it has', () => {
    const two = [task([work]), task([work])];
    const realtime = two.map((one) => ({ ...one, schedClass: 'fifo' as const }));
    expect(ends({ extTaskNs: 50_000 }, realtime)).toEqual([1000, 2000]);
    expect(ends({ extTaskNs: 50_000 }, two)).toEqual([1000, 2050]);
  });
});

describe('in turns', () => {
  it('one RUN or many, it is the same work', () => {
    const other = task([['RUN', 0, 40 * ms]], { cpus: 2n });
    const serial = (ops: readonly Operation[]): number =>
      ends({ isSerial: true }, [task(ops, { cpus: 1n }), other], { shape: { cpus: 2 } })[0]!;
    const many = serial(Array.from({ length: 20 }, () => work));
    expect(Math.abs(many - serial([['RUN', 0, 20 * ms]]))).toBeLessThanOrEqual(100); // a reading of the clock
    expect(many).toBeGreaterThanOrEqual(20_000);
  });
});

it('the player reads its tasks between their line and the start: readNs each', () => {
  const calls: Call[] = [];
  simulator.run({
    expansion: {
      ...{ semaphores: 0, locks: 0, pipes: 0, rounds: 1, warmupRounds: 0, series: [], cgroups: [] },
      tasks: [task([work]), task([work]), task([work])],
    },
    ...{ shape: { cpus: 1 }, costs: { ...free, readNs: 7000 }, policy, mode: 'checked', calls },
    ...{ startOffsetNs: 0, pidOffset: 0, seed: 1, limitNs: 1000 * ms, timeoutMs: 5000 },
  });
  // forks are free; a millisecond later all are at the line
  const born = calls.filter(({ what }) => what === 'sched_wakeup_new').map(({ ns }) => ns);
  expect(born).toEqual([-ms - 21_000, -ms - 21_000, -ms - 21_000]);
});

it('docs/semantics.md has the numbers of the profiles', () => {
  const section = readFileSync(`${root}/docs/semantics.md`, 'utf8').split('## Costs')[1]!.split('\n## ')[0]!;
  const rows = [...section.matchAll(/^\| `(\w+)` \|[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|/gm)];
  const profiles = [
    costProfiles.tcg,
    costProfiles['hardware-low'],
    costProfiles.hardware,
    costProfiles['hardware-high'],
  ];
  const told = Object.fromEntries(rows.map(([, name, ...cells]) => [name, cells.map((cell) => cell.trim())]));
  const constants = Object.keys(free).filter((name) => !['name', 'isSerial'].includes(name));
  const actual = constants.map((name) => [
    name,
    profiles.map((profile) => [profile[name as keyof Costs]].flat().join(', ')),
  ]);
  expect(told).toEqual(Object.fromEntries(actual));
});
