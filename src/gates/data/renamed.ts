// kfuncs of 6.12 under the names that they have had since 6.13; the old ones are gone from 6.17 on (kernel/sched/ext.c).

import { table } from './table.ts';

export const renamed = table<string>({
  scx_bpf_dispatch: 'scx_bpf_dsq_insert',
  scx_bpf_dispatch_vtime: 'scx_bpf_dsq_insert_vtime',
  scx_bpf_consume: 'scx_bpf_dsq_move_to_local',
  scx_bpf_dispatch_from_dsq: 'scx_bpf_dsq_move',
  scx_bpf_dispatch_vtime_from_dsq: 'scx_bpf_dsq_move_vtime',
  scx_bpf_dispatch_from_dsq_set_slice: 'scx_bpf_dsq_move_set_slice',
  scx_bpf_dispatch_from_dsq_set_vtime: 'scx_bpf_dsq_move_set_vtime',
});
