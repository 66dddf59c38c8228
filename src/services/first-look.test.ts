// What tune does before it tunes: a profile, and a command's recording in place of the command where the simulator is asked.

import { describe, expect, it } from 'vitest';
import { fixedWorld } from '../../test/services/fixed-world.ts';
import { ended, type Trace, traceKinds } from '../core/trace.ts';
import { TraceBuilder } from '../traces/builder.ts';

const ms = 1e6;

/**
 * Two CPUs. A task forks one of 40 ms and eight of 5 ms in turn, the long one last: whoever takes them as they come needs 20 + 40 ms, who runs the long one
 * first 40. Recorded as they come.
 */
function longLast(lost = 0): Trace {
  const builder = new TraceBuilder();
  const parent = builder.taskOf(10);
  Object.assign(builder.tasks[parent]!, { comm: 'make', isFollowed: true });
  const children = Array.from({ length: 9 }, (_, i) => builder.born(20 + i, parent));
  builder.add(0, traceKinds.switch, 0, -1, parent);
  for (const child of children) builder.add(0.001 * ms, traceKinds.fork, 0, child, parent);
  builder.add(0.002 * ms, traceKinds.exit, 0, parent);
  const turn = (
    cpu: number,
    from: number,
    fromEnded: number,
    toEnd: number,
    task: number,
    before: number,
  ): void => {
    builder.add(from * ms, traceKinds.switch, cpu, before, task, fromEnded);
    builder.add(toEnd * ms, traceKinds.exit, cpu, task);
  };
  let before = [parent, -1];
  for (const [i, child] of children.entries()) {
    const cpu = i % 2;
    const start = i === 8 ? 20 : Math.max(0.002, 5 * Math.floor(i / 2));
    const end = i === 8 ? 60 : 5 * Math.floor(i / 2) + 5;
    turn(cpu, start, before[cpu] === -1 ? 0 : ended, end, child, before[cpu]!);
    before = before.map((task, index) => (index === cpu ? child : task));
  }
  builder.add(20 * ms, traceKinds.switch, 1, before[1]!, -1, ended);
  builder.add(60 * ms, traceKinds.switch, 0, before[0]!, -1, ended);
  return builder.finish({ source: 'probes', cpus: 2, release: '7.3', lost, subject: { name: 'make' } });
}

const command = { command: ['make'], harm: false };

describe('tune looks first', () => {
  it('records a command in the guest, and the simulator tries every candidate on the recording', async () => {
    const { call, asked, world } = fixedWorld({ recording: longLast });
    const { output, text } = await call('tune', command);
    expect(asked).toContain('record make');
    expect(output.profile.goal.name).toBe('makespan');
    const profile = (await world.store.records.get(output.profile.record)) as {
      shape: { tasks: number; cpuNs: number };
    };
    expect(profile.shape).toMatchObject({ tasks: 10 });
    expect(profile.shape.cpuNs / ms).toBeCloseTo(80, 0);
    expect(output.screening.candidates).toBeGreaterThan(50);
    expect(Object.keys(output.screening.predicted)).toHaveLength(4);
    // the guest runs the default scheduler and those that went on, nothing else
    expect(output.arms.map(({ policy }: { policy: string }) => policy).sort()).toEqual(
      ['default', ...Object.keys(output.screening.predicted)].sort(),
    );
    expect(text.indexOf('where its time goes')).toBeLessThan(text.indexOf('make on kernel'));
    const screening = (await world.store.records.get(output.screening.record)) as {
      goal: { metric: string };
      arms: { arm: { kind: string }; values: number[] }[];
    };
    expect(screening.goal.metric).toBe('makespanNs');
    const base = screening.arms.find(({ arm }) => arm.kind === 'default')!;
    for (const value of base.values) expect(value / ms).toBeGreaterThan(40);
  });

  it('a recording with holes is shown, not replayed', async () => {
    const { call } = fixedWorld({ recording: () => longLast(5) });
    const { output, text } = await call('tune', command);
    expect(output.profile.goal.name).toBe('makespan');
    expect(output.screening).toBeUndefined();
    expect(output.notReplayed).toContain('5 events of it were lost');
    expect(text).toContain('Not replayed: 5 events');
    await expect(call('tune', { ...command, screen: 2 })).rejects.toThrow('5 events of it were lost');
  });

  it('who names policies gets them; a metric that the replay does not have is not screened', async () => {
    const { call } = fixedWorld({ recording: longLast });
    const { output } = await call('tune', { ...command, policies: ['fifo'], settings: ['none'] });
    expect([output.screening, output.notReplayed]).toEqual([undefined, undefined]);
    expect(output.profile).toBeDefined();
    await expect(
      call('tune', { ...command, patterns: { rate: '(\\d+)/s' }, direction: 'higher', screen: 2 }),
    ).rejects.toThrow('it has no rate');
  });

  it('without a recorder it is tuned as before, and says why', async () => {
    const { output } = await fixedWorld().call('tune', {
      ...command,
      policies: ['fifo'],
      settings: ['none'],
    });
    expect(output.profile).toBeUndefined();
    expect(output.notReplayed).toContain('cannot be recorded');
    expect(output.arms).toHaveLength(2);
  });

  it('a declared workload is looked at in the simulator', async () => {
    const { output } = await fixedWorld().call('tune', {
      workload: 'long-tail',
      policies: ['fifo'],
      settings: ['none'],
      harm: false,
    });
    expect(output.profile.goal.name).toBe('makespan');
    expect(output.notReplayed).toBeUndefined();
  });
});
