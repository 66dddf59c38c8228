// The masks of idle, online and possible CPUs, and choices from them, machine-wide and by node. Source: kernel/sched/ext_idle.c (validate_node,
// scx_bpf_get_idle_cpumask, scx_bpf_pick_any_cpu, … and their _node variants, scx_pick_idle_cpu) and ext.c, v6.18. The masks of a node are those of
// the machine at the moment when a program asks, cut to the node; all other nodes are equally far.

import { cpumaskBytes } from '../kernel/structs.ts';
import { busy, pickIdleInNode } from '../model/ext/idle.ts';
import { scxFlag } from '../model/ext/scx-flags.ts';
import { maskWords } from '../model/topology.ts';
import type { Cpumasks } from './cpumasks.ts';
import type { Kfunc, Kfuncs, KfuncWorld } from './kfunc.ts';

const enoent = -2;
const einval = -22;
const eopnotsupp = -95;

export function idleMaskKfuncs(world: KfuncWorld, masks: Cpumasks): Kfuncs {
  return { ...maskKfuncs(world), ...pickKfuncs(world, masks) };
}

/** Is there a mask for each node instead of one for the machine? */
export function isPerNode(world: KfuncWorld): boolean {
  return (world.scx.flags & scxFlag.ops.builtinIdlePerNode) !== 0;
}

/** validate_node(): the node, or −errno. */
function validNode(world: KfuncWorld, node: number): number {
  if (!isPerNode(world)) {
    world.scx.error('per-node idle tracking is disabled');
    return eopnotsupp;
  }
  if (node === -1) return enoent;
  if (node >= 0 && node < world.core.topology.nodes) return node;
  world.scx.error(`invalid node ${node}`);
  return einval;
}

function maskKfuncs(world: KfuncWorld): Kfuncs {
  const nodeMasks = new NodeMasks(world);
  const none = (): number => world.ext.cpuMemory.noneMask;
  const machineWide = (which: 'cpu' | 'smt'): Kfunc => ({
    params: [],
    result: 'unsigned',
    run: () => {
      const { scx } = world;
      scx.ops.kfuncs++;
      if (isPerNode(world)) scx.error('SCX_OPS_BUILTIN_IDLE_PER_NODE enabled');
      else if (!scx.hasBuiltinIdle) scx.error('built-in idle tracking is disabled');
      else return idleMask(world, which);
      return none();
    },
  });
  const ofNode = (which: 'cpu' | 'smt'): Kfunc => ({
    params: ['low'],
    result: 'unsigned',
    run: (asked) => {
      world.scx.ops.kfuncs++;
      const node = validNode(world, asked!);
      return node < 0 ? none() : nodeMasks.of(node, which);
    },
  });
  const put = (name: string): Kfunc => ({
    params: ['low'],
    result: 'none',
    run: (mask) => {
      world.scx.ops.kfuncs++;
      world.mask(mask!, name);
      return undefined;
    },
  });
  const machineMask = (mask: () => number): Kfunc => ({
    params: [],
    result: 'unsigned',
    run: () => {
      world.scx.ops.kfuncs++;
      return mask();
    },
  });
  return {
    scx_bpf_get_idle_cpumask: machineWide('cpu'),
    scx_bpf_get_idle_smtmask: machineWide('smt'),
    scx_bpf_get_idle_cpumask_node: ofNode('cpu'),
    scx_bpf_get_idle_smtmask_node: ofNode('smt'),
    scx_bpf_put_idle_cpumask: put('scx_bpf_put_idle_cpumask'),
    scx_bpf_get_online_cpumask: machineMask(() => world.ext.cpuMemory.onlineMask),
    scx_bpf_get_possible_cpumask: machineMask(() => world.ext.cpuMemory.possibleMask),
    scx_bpf_put_cpumask: put('scx_bpf_put_cpumask'),
  };
}

/** Without SMT the mask of idle cores is that of idle CPUs. */
function idleMask(world: KfuncWorld, which: 'cpu' | 'smt'): number {
  const { idle } = world.scx;
  return which === 'smt' && world.core.topology.threads > 1 ? idle.smtMask : idle.cpuMask;
}

/** A copy of the idle masks for each node, in memory that programs may read. */
class NodeMasks {
  readonly #world: KfuncWorld;
  /** Of this simulation: */
  #addresses = new Map<string, number>();
  #ext: unknown;

  constructor(world: KfuncWorld) {
    this.#world = world;
  }

  /** Address of the node's mask as it is now. */
  of(node: number, which: 'cpu' | 'smt'): number {
    const { memory, core } = this.#world;
    if (this.#ext !== this.#world.ext) this.#addresses = new Map();
    this.#ext = this.#world.ext;
    const key = `${which} ${node}`;
    const address = this.#addresses.get(key) ?? memory.allocate(cpumaskBytes, 'read');
    if (address === 0) return this.#world.finding('no memory is left for the idle mask of a node');
    this.#addresses.set(key, address);
    const from = idleMask(this.#world, which) >>> 2;
    for (let i = 0; i < maskWords; i++)
      memory.i32[(address >>> 2) + i] = memory.i32[from + i]! & core.topology.nodeMask[node * maskWords + i]!;
    return address;
  }
}

function pickKfuncs(world: KfuncWorld, masks: Cpumasks): Kfuncs {
  const part = new Int32Array(maskWords);
  const inNode = (mask: number, node: number, flags: number): number => {
    const { nodeMask } = world.core.topology;
    for (let i = 0; i < maskWords; i++)
      part[i] = world.memory.i32[mask + i]! & nodeMask[node * maskWords + i]!;
    return world.scx.idle.pick(part, 0, flags);
  };
  /** scx_pick_idle_cpu() with masks for each node: from this one, then from the others. */
  const pickNear = (mask: number, node: number, flags: number): number => {
    const cpu = inNode(mask, node, flags);
    if (cpu >= 0 || (flags & pickIdleInNode) !== 0) return cpu;
    for (let other = 0; other < world.core.topology.nodes; other++) {
      const found = other === node ? busy : inNode(mask, other, flags);
      if (found >= 0) return found;
    }
    return busy;
  };
  const any = (mask: number, other: number): number => {
    const cpu = masks.anyAndDistribute(mask, other);
    return cpu < world.core.topology.cpus ? cpu : busy;
  };
  /** A mask with just the CPUs that are in the node too. */
  const scratchMask = (mask: number, node: number): number => {
    const { nodeMask } = world.core.topology;
    const to = world.ext.cpuMemory.scratchMask >>> 2;
    for (let i = 0; i < maskWords; i++)
      world.memory.i32[to + i] = world.memory.i32[mask + i]! & nodeMask[node * maskWords + i]!;
    return to;
  };
  return {
    scx_bpf_pick_idle_cpu_node: {
      params: ['low', 'low', 'wide'],
      result: 'signed',
      run: (allowed, asked, flags) => {
        world.scx.ops.kfuncs++;
        const mask = world.mask(allowed!, 'scx_bpf_pick_idle_cpu_node');
        const node = validNode(world, asked!);
        return node < 0 ? node : pickNear(mask, node, flags!);
      },
    },
    scx_bpf_pick_any_cpu: {
      params: ['low', 'wide'],
      result: 'signed',
      run: (allowed, flags) => {
        const { scx } = world;
        scx.ops.kfuncs++;
        const mask = world.mask(allowed!, 'scx_bpf_pick_any_cpu');
        if (isPerNode(world)) {
          scx.error('per-node idle tracking is enabled');
          return busy;
        }
        const cpu = scx.hasBuiltinIdle ? scx.idle.pick(world.memory.i32, mask, flags!) : busy;
        return cpu >= 0 ? cpu : any(mask, mask);
      },
    },
    scx_bpf_pick_any_cpu_node: {
      params: ['low', 'low', 'wide'],
      result: 'signed',
      run: (allowed, asked, flags) => {
        world.scx.ops.kfuncs++;
        const mask = world.mask(allowed!, 'scx_bpf_pick_any_cpu_node');
        const node = validNode(world, asked!);
        if (node < 0) return node;
        const cpu = pickNear(mask, node, flags!);
        if (cpu >= 0) return cpu;
        return any(mask, (flags! & pickIdleInNode) !== 0 ? scratchMask(mask, node) : mask);
      },
    },
  };
}
