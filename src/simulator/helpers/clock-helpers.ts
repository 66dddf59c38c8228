// Time, place and chance. Source: kernel/bpf/helpers.c, kernel/time/jiffies.c v6.18.
import { words } from '../program/words.ts';
import type { Helper, Helpers, HelperWorld } from './world.ts';
import { bad, wide } from './world.ts';

export function clockHelpers(world: HelperWorld): Helpers {
  const ticks = (): number => Math.floor(world.nowNs() / world.jiffyNs);
  const hz = Math.round(1e9 / world.jiffyNs);
  /** INITIAL_JIFFIES: five minutes before the 32-bit count overflows. */
  const firstJiffy = 2 ** 32 - 300 * hz;
  const time = (name: string, run: () => number): Helper => ({
    name,
    params: [],
    result: 'wide',
    run: () => wide(world, run()),
  });
  const now = (name: string): Helper => ({
    ...time(name, () => world.nowNs()),
    inline: () => ({ kind: 'double', at: world.resultHigh + words.clock }),
  });
  const number = (name: string, run: () => number): Helper => ({ name, params: [], result: 'unsigned', run });

  function ofCpu(name: string, address: number, cpu: number): number {
    const own = world.perCpu(address, cpu);
    return own === 0 ? bad(world, name, 1, address, 'a per-CPU variable') : own;
  }

  return {
    5: now('bpf_ktime_get_ns'),
    7: number('bpf_get_prandom_u32', () => world.random()),
    8: number('bpf_get_smp_processor_id', () => world.cpu()),
    42: number('bpf_get_numa_node_id', () => world.nodeOf(world.cpu())),
    118: time('bpf_jiffies64', () => firstJiffy + ticks()),
    125: now('bpf_ktime_get_boot_ns'),
    153: {
      name: 'bpf_per_cpu_ptr',
      params: ['low', 'low'],
      result: 'unsigned',
      run: (address, cpu) => (cpu! >>> 0 < world.cpus ? ofCpu('bpf_per_cpu_ptr', address!, cpu!) : 0),
    },
    154: {
      name: 'bpf_this_cpu_ptr',
      params: ['low'],
      result: 'unsigned',
      run: (address) => ofCpu('bpf_this_cpu_ptr', address!, world.cpu()),
    },
    160: time('bpf_ktime_get_coarse_ns', () => ticks() * world.jiffyNs),
  };
}
