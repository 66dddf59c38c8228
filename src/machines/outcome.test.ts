import { describe, expect, it } from 'vitest';
import { ended, exit, ok, plain, policy, ran, whole } from '../../test/machines/events.ts';
import { command, experiment, machine, policyArm } from '../../test/records/build.ts';
import { recordDigest } from '../core/canonical.ts';
import type { Expansion, ExpansionTask } from '../core/workload.ts';
import { toOutcome } from './outcome.ts';

describe('what is in an outcome', () => {
  it('what the runner said, without what it does not need', () => {
    const events = [
      ...whole,
      { event: 'events', values: { SCX_EV_X: 4 } },
      ran({ stdout: 'out', stderr: 'err' }),
      exit(64),
      ok,
    ];
    const outcome = toOutcome(experiment({ arm: policyArm('p'), workload: command() }), ended(events));
    expect(outcome).toMatchObject({
      exit: { kind: 64, code: 0, reason: 'why', message: 'what', dump: '' },
      kernelEvents: { SCX_EV_X: 4 },
      output: { stdout: 'out', stderr: 'err' },
      metrics: { elapsedNs: 100, userNs: 80, systemNs: 10, maxRssKiB: 5 },
    });
    expect(outcome.presence).toEqual([
      { when: 'before', state: 'enabled', ops: 'p', enableSeq: 3, nrRejected: 0 },
      { when: 'during', state: 'enabled', ops: 'p', enableSeq: 3, nrRejected: 0 },
      { when: 'after', state: 'enabled', ops: 'p', enableSeq: 3, nrRejected: 0 },
    ]);
    expect(toOutcome(plain, ended([ok]))).toMatchObject({
      exit: null,
      output: null,
      presence: [],
      kernelEvents: {},
    });
  });

  it('metrics and timeline of a declared workload, by the names of its tasks', () => {
    const task = (comm: string, round: number): ExpansionTask => ({
      comm,
      round,
      background: false,
      forked: false,
      startNs: 0,
      nice: 0,
      schedClass: 'other',
      cgroup: -1,
      group: 0,
      cpus: 0n,
      ops: [],
    });
    const expansion: Expansion = {
      semaphores: 0,
      locks: 0,
      pipes: 0,
      rounds: 2,
      warmupRounds: 1,
      series: [],
      cgroups: [],
      tasks: [task('warm', 0), task('real', 1)],
    };
    const times = {
      startNs: 10,
      endNs: '9007199254740993',
      cpuNs: 5,
      delayNs: 2,
      vcsw: 0,
      icsw: 0,
      cpu: 0,
      killed: false,
    };
    const events = [
      { event: 'round', round: 0, startNs: 0, endNs: 900, makespanNs: 900 },
      { event: 'round', round: 1, startNs: 900, endNs: 1000, makespanNs: 100 },
      { event: 'task', task: 0, ...times },
      { event: 'task', task: 1, ...times, endNs: 90 },
      ok,
    ];
    const { metrics, timeline } = toOutcome(plain, ended(events), expansion);
    expect(metrics.makespanNs).toBe(100);
    expect(timeline).toEqual([
      { task: 'warm', round: 0, startNs: 10, endNs: Number('9007199254740993'), cpuNs: 5, delayNs: 2 },
      { task: 'real', round: 1, startNs: 10, endNs: 90, cpuNs: 5, delayNs: 2 },
    ]);
    expect(toOutcome(plain, ended(events)).timeline[1]?.task).toBe('1');
  });

  it("the command's own numbers, from the last run, on either stream", () => {
    const asked = experiment({
      workload: command({ speed: 'speed (\\d+)', time: '^t=([\\d.]+)$', none: '(x)' }),
    });
    const runs = [ran({ stdout: 'speed 1' }), ran({ stdout: 'speed 2\n', stderr: 'a\nt=0.5\n' })];
    expect(toOutcome(asked, ended([...runs, ok])).metrics).toMatchObject({ speed: 2, time: 0.5 });
    expect(toOutcome(asked, ended([...runs, ok])).metrics).not.toHaveProperty('none');
    expect(toOutcome(asked, ended([...runs, ran({ exit: 1, stdout: 'speed 3' }), ok])).metrics).toEqual({});
  });

  it.each([
    ['deterministic', /one instruction clock/],
    ['fast', /only their ratios/],
    ['kvm', /topology is not the host/],
  ] as const)('a note of what mode %s cannot represent', (mode, note) => {
    expect(toOutcome(experiment({ machine: machine(mode) }), ended([ok])).notes.join('\n')).toMatch(note);
  });

  it('the same bytes for the same run, whatever the host did', () => {
    const events = [...whole, exit(64), ok];
    const [a, b] = [
      ended(events),
      ended(events, { console: 'other', end: { how: 'ended', detail: 'a warning' } }),
    ];
    expect(recordDigest(toOutcome(policy, a))).toBe(recordDigest(toOutcome(policy, b)));
  });
});
