// What a kernel says about sched_ext and who holds a scheduler, from recorded trees: the words are those of kernel/sched/ext.c and kernel/bpf/syscall.c, v6.18.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/linux/support.ts';
import { readSchedExt, schedulerInCharge } from './sched-ext.ts';

let trees = 0;
function tree(directory: string, files: Readonly<Record<string, string>>): { sysfs: string; procfs: string } {
  const root = join(directory, `tree-${trees++}`);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { sysfs: join(root, 'sys'), procfs: join(root, 'proc') };
}

const enabled = {
  'sys/state': 'enabled\n',
  'sys/root/ops': 'lavd_1.0.21\n',
  'sys/enable_seq': '5\n',
  'sys/nr_rejected': '0\n',
};
const link =
  'pos:\t0\nflags:\t02000000\nmnt_id:\t16\nino:\t1057\nlink_type:\tstruct_ops\nlink_id:\t12\nmap_id:\t40\n';

describe('sched_ext', () => {
  const directory = temporaryDirectory();

  it('a kernel without it', () => {
    const places = tree(directory, {});
    expect(readSchedExt(places.sysfs)).toBeUndefined();
    expect(schedulerInCharge(places)).toBeUndefined();
  });

  it('nobody is in charge', () => {
    const places = tree(directory, {
      'sys/state': 'disabled\n',
      'sys/enable_seq': '5\n',
      'sys/nr_rejected': '1\n',
    });
    expect(readSchedExt(places.sysfs)).toEqual({ state: 'disabled', ops: '', enableSeq: 5, nrRejected: 1 });
    expect(schedulerInCharge(places)).toBeUndefined();
  });

  it('a service holds it: its process, command line and unit', () => {
    const places = tree(directory, {
      ...enabled,
      'proc/1/fdinfo/3': 'pos:\t0\n',
      'proc/77/fdinfo/9': link,
      'proc/77/cmdline': '/usr/bin/scx_lavd\0--performance\0',
      'proc/77/cgroup': '0::/system.slice/scx.service\n',
      'proc/self/fdinfo/9': link, // no process id
    });
    expect(schedulerInCharge(places)).toEqual({
      ...{ ops: 'lavd_1.0.21', enableSeq: 5, pid: 77 },
      ...{ argv: ['/usr/bin/scx_lavd', '--performance'], unit: 'scx.service' },
    });
  });

  it('of two with such links the one that is called a scheduler', () => {
    const places = tree(directory, {
      ...enabled,
      'proc/5/fdinfo/4': link,
      'proc/5/cmdline': '/usr/sbin/tcp-control\0',
      'proc/88/fdinfo/4': link,
      'proc/88/cmdline': './scx_rusty\0',
      'proc/88/cgroup': '0::/user.slice/user-1000.slice/session-3.scope\n',
    });
    expect(schedulerInCharge(places)).toEqual({
      ops: 'lavd_1.0.21',
      enableSeq: 5,
      pid: 88,
      argv: ['./scx_rusty'],
    });
  });

  it('called as its scheduler is', () => {
    const places = tree(directory, {
      ...enabled,
      'proc/9/fdinfo/4': link,
      'proc/9/cmdline': '/opt/lavd/bin/lavd-1\0',
    });
    expect(schedulerInCharge(places)).toMatchObject({ pid: 9, argv: ['/opt/lavd/bin/lavd-1'] });
  });

  it('only somebody with a link for something else, and ours is pinned: nobody is named', () => {
    const places = tree(directory, {
      ...enabled,
      'proc/5/fdinfo/4': link,
      'proc/5/cmdline': '/usr/sbin/tcp-control\0',
      'proc/5/cgroup': '0::/system.slice/tcp.service\n',
    });
    expect(schedulerInCharge(places)).toEqual({ ops: 'lavd_1.0.21', enableSeq: 5 });
  });

  it('a holder that nobody can find', () => {
    const places = tree(directory, { ...enabled, 'proc/5/cmdline': 'x\0' });
    expect(schedulerInCharge(places)).toEqual({ ops: 'lavd_1.0.21', enableSeq: 5 });
  });
});
