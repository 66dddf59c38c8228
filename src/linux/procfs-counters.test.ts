// Counters of trees that a test writes: whose CPU time is told to whom when it ends, and who is new.

import { describe, expect, it } from 'vitest';
import {
  machineStatText,
  processFiles,
  type Recorded,
  recordedProcfs,
} from '../../test/linux/recorded-procfs.ts';
import type { Counters } from '../core/counters.ts';
import { type ProcfsWish, sampleProcfs } from './procfs-counters.ts';

const s = 1e9;
const { signal } = new AbortController();

/** schedstat of so many ticks. */
const ran = (ticks: number): string => `${ticks * 1e7} 0 ${ticks}`;
const files = (pid: number, ppid: number, own: number, children = 0, more = {}): Record<string, string> =>
  processFiles({ pid, ppid, user: own, children, startTicks: pid, ...more }, ran(own));

/** `now`: the uptime in ticks when it begins. */
function machineOf(now: number, ...tasks: Record<string, string>[]): Recorded {
  return recordedProcfs({
    'proc/stat': machineStatText({ 0: [0, 0, 0, 100, 0, 0, 0, 0] }),
    'proc/uptime': `${now / 100} 0\n`,
    'sys/devices/system/cpu/online': '0\n',
    ...Object.assign({}, ...tasks),
  });
}

const sample = (surfaces: Recorded, wish: Omit<ProcfsWish, 'durationMs'>): Promise<Counters> =>
  sampleProcfs({ ...wish, durationMs: 1000 }, signal, surfaces);
const totalNs = ({ tasks }: Counters): number => tasks.reduce((sum, task) => sum + task.ranNs, 0);
/** Ends a process; what is open of it can no longer be read, as in the kernel. */
function end(surfaces: Recorded, pid: number): void {
  const own = `proc/${pid}/task/${pid}`;
  surfaces.write({ [`${own}/schedstat`]: '', [`${own}/stat`]: '' });
  surfaces.write({ [`proc/${pid}`]: undefined });
}

describe('CPU time of those that have ended', () => {
  it('of a grandchild is counted once, seen or not', async () => {
    for (const isSeen of [true, false]) {
      const surfaces = machineOf(1000, files(10, 1, 0), files(1011, 10, 0));
      surfaces.during.push(
        () => isSeen && surfaces.write(files(1012, 1011, 200)),
        () => {
          if (isSeen) end(surfaces, 1012);
          surfaces.write(files(1011, 10, 0, 200));
        },
        () => {
          end(surfaces, 1011);
          surfaces.write(files(10, 1, 0, 200));
        },
      );
      const seen = await sample(surfaces, { subject: { pid: 10 } });
      expect(totalNs(seen) / s).toBeGreaterThan(1.9);
      expect(totalNs(seen) / s).toBeLessThan(2.1);
    }
  });

  it('of a root that has ended nobody was told: what it was told of stays', async () => {
    const surfaces = machineOf(1000, files(10, 1, 0));
    surfaces.during.push(
      () => surfaces.write(files(10, 1, 5, 150)),
      () => end(surfaces, 10),
    );
    expect(totalNs(await sample(surfaces, { subject: { pid: 10 } })) / s).toBeCloseTo(1.55, 6);
  });

  it('of a thread of a process that lives is not in what its parent was told', async () => {
    const two = { threads: 2 };
    const thread = (own: number) => {
      const [stat, , , sched] = Object.values(
        processFiles({ pid: 13, ppid: 10, user: own, startTicks: 11 }, ran(own)),
      );
      return { 'proc/11/task/13/stat': stat!, 'proc/11/task/13/schedstat': sched! };
    };
    const surfaces = machineOf(1000, files(10, 1, 0), files(11, 10, 0, 0, two), thread(0));
    surfaces.during.push(
      () => surfaces.write(thread(100)),
      () => {
        surfaces.write({ 'proc/11/task/13/stat': '', 'proc/11/task/13/schedstat': '' });
        surfaces.write({ 'proc/11/task/13': undefined });
        surfaces.write(files(10, 1, 0, 100)); // of a child that nobody saw
      },
    );
    expect(totalNs(await sample(surfaces, { subject: { pid: 10 } })) / s).toBeCloseTo(2, 6);
  });
});

describe('where /proc/uptime is that of a container', () => {
  it('who was there is not new, who comes is', async () => {
    for (const subject of [{ pid: 5_000_010 }, 'machine'] as const) {
      const surfaces = machineOf(300, files(5_000_010, 1, 360_000));
      surfaces.during.push(() =>
        surfaces.write({ ...files(5_000_010, 1, 360_010), ...files(5_000_400, 5_000_010, 7) }),
      );
      const seen = await sample(surfaces, { subject });
      expect(seen.tasks.map(({ tid, bornNs, ranNs }) => [tid, bornNs !== undefined, ranNs / s])).toEqual([
        [5_000_010, false, 0.1],
        [5_000_400, true, 0.07],
      ]);
    }
  });

  it('of a command all counts from its start on, whatever the uptime', async () => {
    for (const uptime of [300, 9_000_000]) {
      const surfaces = machineOf(uptime, files(5_000_010, 1, 3));
      surfaces.during.push(() => surfaces.write(files(5_000_010, 1, 13)));
      const [task] = (await sample(surfaces, { subject: { pid: 5_000_010 }, isOurs: true })).tasks;
      expect(task).toMatchObject({ bornNs: 0, ranNs: 0.13 * s });
    }
  });
});
