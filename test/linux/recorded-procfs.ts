// procfs and sysfs as a directory of files that a test writes, with a clock of its own: what happens between two looks is a function.

import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Surfaces } from '../../src/linux/host/surfaces.ts';
import { temporaryDirectory } from './support.ts';

export interface Recorded extends Surfaces {
  /** Writes files by path from the root (`proc/1/stat`), bytes as latin1; undefined removes one. */
  write(files: Readonly<Record<string, string | undefined>>): void;
  link(path: string, target: string): void;
  /** What happens the next times somebody sleeps, one after the other. The clock goes on by as much as was slept. */
  readonly during: (() => void)[];
}

export function recordedProcfs(files: Readonly<Record<string, string>> = {}): Recorded {
  const root = temporaryDirectory('schedcp-procfs-');
  let now = 1e12;
  const at = (path: string): Buffer => Buffer.from(join(root, path), 'latin1');
  const during: (() => void)[] = [];
  const write: Recorded['write'] = (more) => {
    for (const [path, text] of Object.entries(more)) {
      if (text === undefined) rmSync(at(path), { recursive: true, force: true });
      else {
        mkdirSync(at(dirname(path)), { recursive: true });
        writeFileSync(at(path), text, 'latin1');
      }
    }
  };
  write(files);
  return {
    proc: join(root, 'proc'),
    sys: join(root, 'sys'),
    nowNs: () => now,
    async sleep(ms) {
      now += ms * 1e6;
      during.shift()?.();
    },
    write,
    link: (path, target) => {
      mkdirSync(at(dirname(path)), { recursive: true });
      symlinkSync(target, at(path));
    },
    during,
  };
}

export interface RecordedTask {
  readonly pid: number;
  readonly comm?: string;
  readonly state?: string;
  readonly ppid?: number;
  readonly flags?: number;
  /** In ticks of 10 ms. */
  readonly user?: number;
  readonly system?: number;
  /** Of children that were waited for. */
  readonly children?: number;
  readonly nice?: number;
  readonly threads?: number;
  readonly startTicks?: number;
  readonly rssPages?: number;
  readonly cpu?: number;
  readonly schedClass?: number;
}

/** A line of /proc/PID/stat by the field numbers of proc_pid_stat(5). */
export function statLine(task: RecordedTask): string {
  const fields = Array.from({ length: 52 }, () => '0');
  const set = (number: number, value: number | string | undefined): void => {
    if (value !== undefined) fields[number - 1] = String(value);
  };
  set(1, task.pid);
  set(2, `(${task.comm ?? 'task'})`);
  set(3, task.state ?? 'S');
  set(4, task.ppid ?? 1);
  set(9, task.flags);
  set(14, task.user);
  set(15, task.system);
  set(16, task.children);
  set(18, 20 + (task.nice ?? 0));
  set(19, task.nice);
  set(20, task.threads ?? 1);
  set(22, task.startTicks ?? 100);
  set(24, task.rssPages);
  set(39, task.cpu);
  set(41, task.schedClass);
  return `${fields.join(' ')}\n`;
}

/** The files of a process with one thread. `sched`: ran, delay (ns), runs. */
export function processFiles(task: RecordedTask, sched = '0 0 0'): Record<string, string> {
  const stat = statLine(task);
  const own = `proc/${task.pid}/task/${task.pid}`;
  return {
    [`proc/${task.pid}/stat`]: stat,
    [`proc/${task.pid}/cmdline`]: '',
    [`${own}/stat`]: stat,
    [`${own}/schedstat`]: `${sched}\n`,
  };
}

/** /proc/stat of CPUs by their times in ticks: user nice system idle iowait irq softirq steal. */
export function machineStatText(cpus: Readonly<Record<number, readonly number[]>>, rest = ''): string {
  const rows = Object.values(cpus);
  const sums = (rows[0] ?? []).map((_, index) => rows.reduce((sum, row) => sum + (row[index] ?? 0), 0));
  const lines = Object.entries(cpus).map(([cpu, times]) => `cpu${cpu} ${times.join(' ')} 0 0`);
  return `cpu  ${sums.join(' ')} 0 0\n${lines.join('\n')}\n${rest}`;
}
