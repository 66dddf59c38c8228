// bpf_cpumask_*: masks that programs own, and questions about any mask. Source: kernel/bpf/cpumask.c and lib/cpumask.c, v6.18. Functions that write want a
// mask that a program owns; the verifier lets programs have no other to write to.

import { CpumaskObjects } from './cpumask-objects.ts';
import type { Kfunc, Kfuncs, KfuncWorld } from './kfunc.ts';
import { MaskWords } from './mask-words.ts';

const eacces = -13;

export class Cpumasks {
  readonly objects: CpumaskObjects;
  readonly #world: KfuncWorld;
  readonly #words: MaskWords;

  constructor(world: KfuncWorld) {
    this.#world = world;
    this.objects = new CpumaskObjects(world);
    this.#words = new MaskWords(world.memory.i32);
  }

  /** The kernel's words on masks, for the machine of this simulation. */
  get words(): MaskWords {
    this.#words.cpus = this.#world.core.topology.cpus;
    return this.#words;
  }

  /** cpumask_any_and_distribute(); one mask twice: cpumask_any_distribute(). */
  anyAndDistribute(a: number, b: number): number {
    const { core, scx } = this.#world;
    const { words } = this;
    const { distributed } = scx.idle;
    const found = words.nextAndWrap(a, b, (distributed[core.execCpu]! + 1) % words.cpus);
    if (found < words.cpus) distributed[core.execCpu] = found;
    return found;
  }
}

export function cpumaskKfuncs(world: KfuncWorld, masks: Cpumasks): Kfuncs {
  return {
    ...objectKfuncs(world, masks),
    ...bitKfuncs(world, masks),
    ...wholeKfuncs(world, masks),
    ...questionKfuncs(world, masks),
  };
}

function objectKfuncs(world: KfuncWorld, { objects }: Cpumasks): Kfuncs {
  return {
    bpf_cpumask_create: {
      params: [],
      result: 'unsigned',
      run: () => {
        world.scx.ops.kfuncs++;
        return objects.create();
      },
    },
    bpf_cpumask_acquire: {
      params: ['low'],
      result: 'unsigned',
      run: (mask) => {
        world.scx.ops.kfuncs++;
        objects.acquire(mask!, 'bpf_cpumask_acquire');
        return mask;
      },
    },
    bpf_cpumask_release: {
      params: ['low'],
      result: 'none',
      run: (mask) => {
        world.scx.ops.kfuncs++;
        objects.release(mask!, 'bpf_cpumask_release');
        return undefined;
      },
    },
  };
}

/** One CPU of a mask. CPUs that do not exist are passed over. */
function bitKfuncs(world: KfuncWorld, masks: Cpumasks): Kfuncs {
  const exists = (cpu: number): boolean => cpu >= 0 && cpu < world.core.topology.cpus;
  const changing = (
    name: string,
    result: 'none' | 'unsigned',
    change: (words: MaskWords, mask: number, cpu: number) => void,
  ): Kfunc => ({
    params: ['low', 'low'],
    result,
    run: (cpu, address) => {
      world.scx.ops.kfuncs++;
      const mask = masks.objects.words(address!, name);
      if (!exists(cpu!)) return 0;
      const { words } = masks;
      const was = words.test(mask, cpu!) ? 1 : 0;
      change(words, mask, cpu!);
      return was;
    },
  });
  const set = (words: MaskWords, mask: number, cpu: number): void => words.set(mask, cpu);
  const clear = (words: MaskWords, mask: number, cpu: number): void => words.clear(mask, cpu);
  return {
    bpf_cpumask_set_cpu: changing('bpf_cpumask_set_cpu', 'none', set),
    bpf_cpumask_clear_cpu: changing('bpf_cpumask_clear_cpu', 'none', clear),
    bpf_cpumask_test_and_set_cpu: changing('bpf_cpumask_test_and_set_cpu', 'unsigned', set),
    bpf_cpumask_test_and_clear_cpu: changing('bpf_cpumask_test_and_clear_cpu', 'unsigned', clear),
    bpf_cpumask_test_cpu: {
      params: ['low', 'low'],
      result: 'unsigned',
      run: (cpu, address) => {
        world.scx.ops.kfuncs++;
        const mask = world.mask(address!, 'bpf_cpumask_test_cpu');
        return exists(cpu!) && masks.words.test(mask, cpu!) ? 1 : 0;
      },
    },
  };
}

/** What fills a mask from others. */
function wholeKfuncs(world: KfuncWorld, masks: Cpumasks): Kfuncs {
  const combining = (
    name: string,
    result: 'none' | 'unsigned',
    combine: (words: MaskWords, to: number, a: number, b: number) => number | undefined,
  ): Kfunc => ({
    params: ['low', 'low', 'low'],
    result,
    run: (to, a, b) => {
      world.scx.ops.kfuncs++;
      const from = world.mask(a!, name);
      return combine(masks.words, masks.objects.words(to!, name), from, world.mask(b!, name));
    },
  });
  const filling = (name: string, word: 0 | -1): Kfunc => ({
    params: ['low'],
    result: 'none',
    run: (to) => {
      world.scx.ops.kfuncs++;
      masks.words.fill(masks.objects.words(to!, name), word);
      return undefined;
    },
  });
  return {
    bpf_cpumask_setall: filling('bpf_cpumask_setall', -1),
    bpf_cpumask_clear: filling('bpf_cpumask_clear', 0),
    bpf_cpumask_and: combining('bpf_cpumask_and', 'unsigned', (words, to, a, b) =>
      words.and(to, a, b) ? 1 : 0,
    ),
    bpf_cpumask_or: combining('bpf_cpumask_or', 'none', (words, to, a, b) => void words.or(to, a, b)),
    bpf_cpumask_xor: combining('bpf_cpumask_xor', 'none', (words, to, a, b) => void words.xor(to, a, b)),
    bpf_cpumask_copy: {
      params: ['low', 'low'],
      result: 'none',
      run: (to, from) => {
        world.scx.ops.kfuncs++;
        const words = masks.objects.words(to!, 'bpf_cpumask_copy');
        masks.words.copy(words, world.mask(from!, 'bpf_cpumask_copy'));
        return undefined;
      },
    },
    bpf_cpumask_populate: {
      params: ['low', 'low', 'wide'],
      result: 'signed',
      run: (to, from, size, sizeHigh) => {
        world.scx.ops.kfuncs++;
        const mask = masks.objects.words(to!, 'bpf_cpumask_populate');
        const bytes = 8 * ((world.core.topology.cpus + 63) >> 6);
        if (sizeHigh === 0 && size! >>> 0 < bytes) return eacces;
        if (sizeHigh !== 0 || !world.memory.readable(from!, size! >>> 0))
          world.finding('bpf_cpumask_populate got bytes that it may not read');
        world.memory.u8.copyWithin(4 * mask, from!, from! + bytes);
        return 0;
      },
    },
  };
}

/** Numbers and answers about one mask or two. */
function questionKfuncs(world: KfuncWorld, masks: Cpumasks): Kfuncs {
  const one = (name: string, answer: (words: MaskWords, mask: number) => number | boolean): Kfunc => ({
    params: ['low'],
    result: 'unsigned',
    run: (mask) => {
      world.scx.ops.kfuncs++;
      return Number(answer(masks.words, world.mask(mask!, name)));
    },
  });
  const two = (
    name: string,
    answer: (words: MaskWords, a: number, b: number) => number | boolean,
  ): Kfunc => ({
    params: ['low', 'low'],
    result: 'unsigned',
    run: (a, b) => {
      world.scx.ops.kfuncs++;
      return Number(answer(masks.words, world.mask(a!, name), world.mask(b!, name)));
    },
  });
  return {
    bpf_cpumask_first: one('bpf_cpumask_first', (words, mask) => words.first(mask)),
    bpf_cpumask_first_zero: one('bpf_cpumask_first_zero', (words, mask) => words.firstZero(mask)),
    bpf_cpumask_weight: one('bpf_cpumask_weight', (words, mask) => words.weight(mask)),
    bpf_cpumask_empty: one('bpf_cpumask_empty', (words, mask) => words.first(mask) >= words.cpus),
    bpf_cpumask_full: one('bpf_cpumask_full', (words, mask) => words.firstZero(mask) >= words.cpus),
    bpf_cpumask_any_distribute: one('bpf_cpumask_any_distribute', (_words, mask) =>
      masks.anyAndDistribute(mask, mask),
    ),
    bpf_cpumask_first_and: two('bpf_cpumask_first_and', (words, a, b) => words.firstAnd(a, b)),
    bpf_cpumask_equal: two('bpf_cpumask_equal', (words, a, b) => words.equal(a, b)),
    bpf_cpumask_intersects: two('bpf_cpumask_intersects', (words, a, b) => words.intersects(a, b)),
    bpf_cpumask_subset: two('bpf_cpumask_subset', (words, a, b) => words.subset(a, b)),
    bpf_cpumask_any_and_distribute: two('bpf_cpumask_any_and_distribute', (_words, a, b) =>
      masks.anyAndDistribute(a, b),
    ),
  };
}
