// What this machine's kernel says about sched_ext (/sys/kernel/sched_ext: kernel/sched/ext.c, v6.18), whose scheduler is loaded, and how to unload it. Who holds one
// shows in /proc/PID/fdinfo as a link of type struct_ops (kernel/bpf/syscall.c, bpf_link_show_fdinfo()).

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ForeignScheduler } from '../core/attachment.ts';
import { Fault } from '../core/errors.ts';

export interface SchedExt {
  readonly state: string;
  readonly ops: string;
  readonly enableSeq: number;
  readonly nrRejected: number;
}

/** Undefined: the kernel has no sched_ext. */
export function readSchedExt(root = '/sys/kernel/sched_ext'): SchedExt | undefined {
  const state = text(join(root, 'state'));
  if (state === '') return undefined;
  const number = (name: string): number => Number(text(join(root, name)) || -1);
  return {
    state,
    ops: text(join(root, 'root/ops')),
    enableSeq: number('enable_seq'),
    nrRejected: number('nr_rejected'),
  };
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

export interface Places {
  readonly sysfs: string;
  readonly procfs: string;
}
const here: Places = { sysfs: '/sys/kernel/sched_ext', procfs: '/proc' };

/** Whoever is in charge now; undefined: nobody, or no sched_ext. */
export function schedulerInCharge(places: Places = here): ForeignScheduler | undefined {
  const now = readSchedExt(places.sysfs);
  if (now === undefined || now.state === 'disabled') return undefined;
  return { ops: now.ops, enableSeq: now.enableSeq, ...findHolder(places.procfs, now.ops) };
}

type Holder = Pick<ForeignScheduler, 'pid' | 'argv' | 'unit'>;

/**
 * The process that has a struct_ops link open and is called a scheduler, or as the scheduler is. Others have such links, too (congestion control, input devices), and may be the only ones where
 * the scheduler's is pinned: whoever is told to end, or is started again later, has to be the right one, so nobody is named then. All processes are looked at, some hundred files:
 * synchronously, which takes a tenth of the time.
 */
function findHolder(procfs: string, ops: string): Holder {
  const [name = ''] = /^[a-z]{3,}/i.exec(ops) ?? [];
  return (
    namesIn(procfs)
      .filter((pid) => /^\d+$/.test(pid) && holdsLink(join(procfs, pid)))
      .map((pid) => holderAt(procfs, pid))
      .find(
        ({ argv: [program = ''] = [] }) =>
          /scx|sched/.test(program) || (name !== '' && program.includes(name)),
      ) ?? {}
  );
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // it has ended, or is not ours to look at
  }
}

function holdsLink(process: string): boolean {
  const directory = join(process, 'fdinfo');
  return namesIn(directory).some((fd) => /^link_type:\s*struct_ops$/m.test(text(join(directory, fd))));
}

function holderAt(procfs: string, name: string): Holder {
  const unit = /\/([^/\n]+\.service)$/m.exec(text(join(procfs, name, 'cgroup')))?.[1];
  const argv = text(join(procfs, name, 'cmdline'))
    .split('\0')
    .filter((word) => word !== '');
  return { pid: Number(name), ...(argv.length > 0 && { argv }), ...(unit !== undefined && { unit }) };
}

/**
 * Asks the holder to end (SIGTERM), and the kernel to leave sched_ext (SysRq-S) when he has not done it within 3 s. True when nobody is in charge any more; a
 * service that starts its scheduler again is in charge again.
 */
export async function unload(foreign: ForeignScheduler): Promise<boolean> {
  if (foreign.pid !== undefined) {
    try {
      process.kill(foreign.pid, 'SIGTERM');
    } catch {
      // he has ended, or may not be told: the kernel can
    }
    if (await gone(foreign, 3000)) return readSchedExt()?.state === 'disabled';
  }
  leaveSchedExt();
  return (await gone(foreign, 5000)) && readSchedExt()?.state === 'disabled';
}

/** SysRq-S: whoever is in charge. Fault not-permitted. */
export function leaveSchedExt(): void {
  try {
    writeFileSync('/proc/sysrq-trigger', 'S');
  } catch (error) {
    const message = `cannot ask the kernel to leave sched_ext: ${(error as Error).message}`;
    throw new Fault('not-permitted', message, { next: 'as root: echo S > /proc/sysrq-trigger' });
  }
}

/** Until the policy that was enabled as this number is in charge no longer. */
export async function gone({ enableSeq }: { readonly enableSeq: number }, limitMs: number): Promise<boolean> {
  for (const deadline = performance.now() + limitMs; ; await sleep(10)) {
    const now = readSchedExt();
    if (now === undefined || now.state === 'disabled' || now.enableSeq !== enableSeq) return true;
    if (performance.now() > deadline) return false;
  }
}
