// The simulated machine's CPUs: which share a core, a last-level cache, a node, and how fast each is. CPU numbers run through threads of a core last,
// as Linux numbers them on x86: cpu c and cpu c + cores are the two threads of core c.

/** What an experiment says of the machine. */
export interface Shape {
  readonly cpus: number;
  /** Nodes, LLCs and SMT threads per core; each must divide what is above it. Default 1. */
  readonly nodes?: number;
  readonly llcs?: number;
  readonly threads?: number;
  /** Speed of each core relative to the fastest, 1 … 1024; default all 1024. */
  readonly capacities?: readonly number[];
}

export const maxCpus = 256;
/** 32-bit words of a mask of CPUs. */
export const maskWords = maxCpus / 32;

export interface Topology {
  readonly cpus: number;
  readonly nodes: number;
  readonly llcs: number;
  readonly threads: number;
  /** By CPU. */
  readonly coreOf: Int32Array;
  readonly llcOf: Int32Array;
  readonly nodeOf: Int32Array;
  /** 1 … 1024. */
  readonly capacity: Int32Array;
  /** Masks of `maskWords` words: [llc × maskWords + word], and the like. */
  readonly llcMask: Int32Array;
  readonly nodeMask: Int32Array;
  /** By CPU: the threads of its core. */
  readonly smtMask: Int32Array;
  readonly allMask: Int32Array;
}

/** @throws Error on shapes that do not divide; callers check the input before. */
export function createTopology(shape: Shape): Topology {
  const { cpus, nodes = 1, llcs = nodes, threads = 1 } = shape;
  const cores = cpus / threads;
  const problem = shapeProblem(shape);
  if (problem !== undefined) throw new Error(`bug: ${problem}`);
  const coreOf = Int32Array.from({ length: cpus }, (_, cpu) => cpu % cores);
  const llcOf = coreOf.map((core) => Math.floor(core / (cores / llcs)));
  const nodeOf = coreOf.map((core) => Math.floor(core / (cores / nodes)));
  const capacity = coreOf.map((core) => shape.capacities?.[core] ?? 1024);
  return {
    cpus,
    nodes,
    llcs,
    threads,
    coreOf,
    llcOf,
    nodeOf,
    capacity,
    llcMask: masksOf(llcOf, llcs),
    nodeMask: masksOf(nodeOf, nodes),
    smtMask: spread(masksOf(coreOf, cores), coreOf),
    allMask: masksOf(new Int32Array(cpus), 1),
  };
}

/** Why the shape is no machine; undefined when it is one. */
export function shapeProblem(shape: Shape): string | undefined {
  const { cpus, nodes = 1, llcs = nodes, threads = 1, capacities } = shape;
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > maxCpus) return `cpus must be 1 to ${maxCpus}`;
  if (cpus % threads !== 0) return `${cpus} CPUs do not divide into cores of ${threads} threads`;
  const cores = cpus / threads;
  if (cores % llcs !== 0) return `${cores} cores do not divide into ${llcs} LLCs`;
  if (llcs % nodes !== 0) return `${llcs} LLCs do not divide into ${nodes} nodes`;
  if (capacities !== undefined && capacities.length !== cores)
    return `${capacities.length} capacities for ${cores} cores`;
  if (capacities?.some((one) => one < 1 || one > 1024)) return 'a capacity is 1 to 1024';
  return undefined;
}

function masksOf(groupOf: Int32Array, groups: number): Int32Array {
  const masks = new Int32Array(groups * maskWords);
  groupOf.forEach((group, cpu) => {
    masks[group * maskWords + (cpu >> 5)]! |= 1 << (cpu & 31);
  });
  return masks;
}

function spread(masks: Int32Array, groupOf: Int32Array): Int32Array {
  const out = new Int32Array(groupOf.length * maskWords);
  groupOf.forEach((group, cpu) => {
    out.set(masks.subarray(group * maskWords, (group + 1) * maskWords), cpu * maskWords);
  });
  return out;
}

/** A mask of CPUs as words. */
export function maskOf(bits: bigint): Int32Array {
  return Int32Array.from({ length: maskWords }, (_, i) => Number(BigInt.asIntN(32, bits >> BigInt(32 * i))));
}
