// What sched_ext does on this machine: /sys/kernel/sched_ext, kernel/sched/ext.c: scx_attr_state_show(), scx_attr_ops_show(), scx_attr_events_show(), v6.18.
// Only looked at: attaching and detaching are others' business.

import type { SchedExt } from '../../core/observed-machine.ts';
import { printable } from '../../lib/printable.ts';
import { parseFlat } from './cgroups.ts';
import { isDirectory, read, readLine, readNumber, type Surfaces } from './surfaces.ts';

export function schedExt({ sys }: Surfaces): SchedExt {
  const at = `${sys}/kernel/sched_ext`;
  if (!isDirectory(at)) {
    return {
      supported: false,
      notes: [
        'this kernel has no sched_ext (6.12 or later with CONFIG_SCHED_CLASS_EXT): policies are tried in micro-VMs and the simulator all the same',
      ],
    };
  }
  const ops = readLine(`${at}/root/ops`);
  const events = read(`${at}/root/events`);
  const switchAll = readLine(`${at}/switch_all`);
  return {
    supported: true,
    state: readLine(`${at}/state`),
    ...(ops === undefined || ops === '' ? {} : { ops: printable(ops) }),
    ...(switchAll === undefined ? {} : { switchAll: switchAll === '1' }),
    enableSeq: readNumber(`${at}/enable_seq`),
    rejected: readNumber(`${at}/nr_rejected`),
    hotplugSeq: readNumber(`${at}/hotplug_seq`),
    ...(events === undefined ? {} : { events: Object.fromEntries(parseFlat(events)) }),
    notes: events === undefined && ops !== undefined ? ['events: kernels before 6.15 do not count them'] : [],
  };
}
