// Sections in which a program holds something: RCU, preemption, interrupts. In a simulation they change nothing; what the verifier demands of them
// is checked when it happens. Source: kernel/bpf/helpers.c, and the verifier's rules and words in kernel/bpf/verifier.c, v6.18 (which lets no RCU
// section lie within another).

import type { Kfunc, Kfuncs, KfuncWorld } from './kfunc.ts';

const deepest = 8;
const flagBytes = 8;

interface Held {
  rcu: number;
  preempt: number;
  /** Addresses where the flags of interrupts are kept, the innermost last. */
  readonly irqs: number[];
}

export function sectionKfuncs(world: KfuncWorld): Kfuncs {
  /** By depth of the callback. */
  const levels: Held[] = Array.from({ length: deepest }, () => ({ rcu: 0, preempt: 0, irqs: [] }));
  let scx: unknown;
  const checkAtReturn = (depth: number): boolean => {
    const { rcu, preempt, irqs } = levels[depth]!;
    if (rcu > 0) world.finding('a callback ends inside bpf_rcu_read_lock');
    if (preempt > 0) world.finding('a callback ends with preemption disabled');
    if (irqs.length > 0) world.finding('a callback ends with interrupts disabled');
    return levels.every((level) => level.rcu === 0 && level.preempt === 0 && level.irqs.length === 0);
  };
  const held = (): Held => {
    const { ops } = world.scx;
    ops.kfuncs++;
    if (scx !== world.scx) for (const level of levels) clear(level);
    scx = world.scx;
    return levels[ops.depth] ?? world.finding(`more than ${deepest} callbacks are nested`);
  };
  const plain = (run: (level: Held) => void): Kfunc => ({
    params: [],
    result: 'none',
    run: () => {
      run(held());
      world.scx.ops.whenReturning(checkAtReturn);
      return undefined;
    },
  });
  const flagsKfunc = (name: string, run: (irqs: number[], flags: number) => void): Kfunc => ({
    params: ['low'],
    result: 'none',
    run: (flags) => {
      if (!world.memory.writable(flags!, flagBytes))
        world.finding(`${name} got a pointer that is no place for flags`);
      run(held().irqs, flags!);
      world.scx.ops.whenReturning(checkAtReturn);
      return undefined;
    },
  });
  return {
    bpf_rcu_read_lock: plain((level) => {
      if (level.rcu > 0) world.finding('nested rcu read lock (kernel function bpf_rcu_read_lock)');
      level.rcu = 1;
    }),
    bpf_rcu_read_unlock: plain((level) => {
      if (level.rcu === 0) world.finding('unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)');
      level.rcu = 0;
    }),
    bpf_preempt_disable: plain((level) => {
      level.preempt++;
    }),
    bpf_preempt_enable: plain((level) => {
      if (level.preempt === 0)
        world.finding('unmatched attempt to enable preemption (kernel function bpf_preempt_enable)');
      level.preempt--;
    }),
    bpf_local_irq_save: flagsKfunc('bpf_local_irq_save', (irqs, flags) => {
      if (irqs.includes(flags)) world.finding('bpf_local_irq_save got flags that are in use');
      irqs.push(flags);
    }),
    bpf_local_irq_restore: flagsKfunc('bpf_local_irq_restore', (irqs, flags) => {
      if (irqs.at(-1) !== flags)
        world.finding(
          irqs.includes(flags)
            ? 'cannot restore irq state out of order'
            : 'bpf_local_irq_restore got flags that were not saved',
        );
      irqs.pop();
    }),
  };
}

function clear(level: Held): void {
  level.rcu = 0;
  level.preempt = 0;
  level.irqs.length = 0;
}
