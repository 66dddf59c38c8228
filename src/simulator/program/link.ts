// Links an object against the simulated kernel, as libbpf links it against a real one: every immediate that stands for a map, a variable, a
// kernel symbol or a function gets its value, CO-RE relocations are applied, and what the kernel lacks is told. Source: libbpf's documentation
// (program types, __ksym, __kconfig, CO-RE) and its messages.

import { essentialName } from '../../bpf/core-access.ts';
import { structurePointers } from '../../bpf/core-pointers.ts';
import {
  applyCoreRelocations,
  type CoreTarget,
  poisonedCall,
  poisonHelper,
  type Resolution,
} from '../../bpf/core-relocations.ts';
import { type Instruction, positionOf } from '../../bpf/instructions.ts';
import type { BpfObject } from '../../bpf/object.ts';
import type { Program } from '../../bpf/programs.ts';
import type { Reference } from '../../bpf/references.ts';
import { coreTarget } from '../kernel/core-target.ts';
import type { KernelVersion } from '../kernel/versions.ts';
import { type Missing, missingExterns, resolveKfunc } from './externs.ts';
import { kconfigOf } from './globals.ts';
import { opsOf } from './ops.ts';
import { isFunction, placeOf, reachable } from './reach.ts';
import { type SourceLine, sourceReader } from './source.ts';

/** Where the runtime puts what programs name. All are addresses in simulated memory, below 2^53. */
export interface Addresses {
  /** What helpers take as a map: of a map declared in `.maps`. */
  map(name: string): number;
  /** First byte of a section of variables (`globalsOf`), `.kconfig` among them. */
  data(section: string): number;
  /** A variable of the kernel; of a per-CPU one what bpf_per_cpu_ptr takes. Undefined when the simulator has none. */
  ksym(name: string): number | undefined;
  /** What a helper that takes a callback will be given; not 0. */
  functionPointer(fn: number): number;
}

export interface PoisonedPlace {
  readonly fn: number;
  /** Slot. */
  readonly at: number;
  /** "task_struct.foo is not modelled". */
  readonly message: string;
}

export interface Linked {
  /** By number; calls of functions hold numbers. */
  readonly functions: readonly (readonly Instruction[])[];
  readonly names: readonly string[];
  /** Member of sched_ext_ops → number of function. */
  readonly entries: ReadonlyMap<string, number>;
  /** Numbers of the functions whose address is taken: bpf_loop, timers. */
  readonly callbacks: readonly number[];
  /**
   * Name of a helper ("map_lookup_elem") or kfunc ("scx_bpf_kick_cpu"). Poisoned places call helpers of numbers from `poisonHelper` on, whose
   * names are "poisoned <n>": n is a position in `poisoned`.
   */
  calleeName(what: 'helper' | 'kfunc', id: number): string;
  /** The plain members of sched_ext_ops that the object sets. */
  readonly ops: ReadonlyMap<string, bigint | string>;
  /** Instructions that must not be executed, and why. */
  readonly poisoned: readonly PoisonedPlace[];
  sourceOf(fn: number, at: number): SourceLine | undefined;
  /** Slots of instructions that are about a member of a kernel's structure which is a pointer to a structure. */
  structurePointersOf?(fn: number): ReadonlySet<number>;
  /** Not empty: the kernel's loader would refuse the object. */
  readonly missing: readonly Missing[];
  /** Programs that sched_ext does not call (fentry, syscall, …): not linked. */
  readonly skipped: readonly { readonly name: string; readonly section: string }[];
}

/** @throws Fault malformed; unsupported when the object has no sched_ext_ops. */
export function link(object: BpfObject, kernel: KernelVersion, addresses: Addresses): Linked {
  const { entries: programs, ops, missing: members } = opsOf(object, kernel);
  const functions = reachable(object, [...new Set(programs.values())]);
  const numbers = new Map(functions.map((item, fn) => [placeOf(item), fn]));
  const kfuncs = [...new Set(object.kfuncs.map(essentialName))];
  const kconfig = kconfigOf(object, kernel);
  const target = coreTarget(kernel);
  const resolved: Context['resolved'] = new Map();
  const context: Context = {
    object,
    kernel,
    addresses,
    target,
    numbers,
    kfuncs,
    kconfig: kconfig.offsets,
    relocations: new Map(),
    resolved,
  };
  const poisoned: PoisonedPlace[] = [];
  const linked = functions.map((program, fn) => linkFunction(context, program, fn, poisoned));
  const taken = functions.flatMap(({ references, instructions }) =>
    [...references].flatMap(([at, one]) =>
      isFunction(one) && instructions[positionOf(instructions, at)]?.kind === 'imm64'
        ? [numbers.get(placeOf(one)) as number]
        : [],
    ),
  );
  return {
    functions: linked,
    names: functions.map(({ name }) => name),
    entries: new Map([...programs].map(([member, item]) => [member, numbers.get(placeOf(item)) as number])),
    callbacks: [...new Set(taken)].sort((a, b) => a - b),
    calleeName: (what, id) => {
      if (what === 'kfunc') return kfuncs[id] ?? `kfunc ${id}`;
      const n = id - poisonHelper;
      return poisoned[n] === undefined ? (kernel.helpers[id] ?? `helper ${id}`) : `poisoned ${n}`;
    },
    ops,
    poisoned,
    sourceOf: sourceReader(object, functions),
    structurePointersOf: (fn) => structurePointers(object.btf, functions[fn]!.coreRelocations),
    missing: [...members, ...missingExterns(object, kernel, addresses, kconfig.missing)],
    skipped: object.programs
      .filter((item) => !numbers.has(placeOf(item)))
      .map(({ name, section }) => ({ name, section })),
  };
}

interface Context {
  readonly object: BpfObject;
  readonly kernel: KernelVersion;
  readonly addresses: Addresses;
  readonly target: CoreTarget;
  /** Function numbers by place. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Essential names; positions are the ids of kfuncs. */
  readonly kfuncs: readonly string[];
  /** Offsets in `.kconfig`. */
  readonly kconfig: ReadonlyMap<string, number>;
  /** By name: kfuncs that have been looked up. */
  readonly relocations: Map<string, Resolution>;
  readonly resolved: Map<string, ReturnType<typeof resolveKfunc>>;
}

function linkFunction(
  context: Context,
  program: Program,
  fn: number,
  poisoned: PoisonedPlace[],
): Instruction[] {
  const { object, target } = context;
  const relocated = applyCoreRelocations(
    object.btf,
    program.instructions,
    program.coreRelocations,
    target,
    context.relocations,
  );
  const messages = new Map(relocated.poisoned.map(({ at, message }) => [at, message]));
  const { instructions } = relocated;
  const slots = new Set([...messages.keys(), ...program.references.keys()]);
  for (const at of [...slots].sort((a, b) => a - b)) {
    const position = positionOf(instructions, at);
    const code = instructions[position]!;
    const done = messages.get(at) ?? resolve(context, code, program.references.get(at)!);
    if (typeof done === 'string') poisoned.push({ fn, at, message: done });
    instructions[position] =
      typeof done === 'string' ? poisonedCall(code, poisonHelper + poisoned.length - 1) : done;
  }
  return instructions;
}

/** The instruction with its value, or why it is poisoned. */
function resolve(context: Context, code: Instruction, reference: Reference): Instruction | string {
  const { addresses, kernel, object } = context;
  switch (reference.kind) {
    case 'map':
      return immediate(code, addresses.map(reference.name));
    case 'data':
      return immediate(code, addresses.data(reference.section) + reference.offset);
    case 'kconfig':
      return immediate(code, addresses.data('.kconfig') + (context.kconfig.get(reference.name) ?? 0));
    case 'function': {
      const fn = context.numbers.get(placeOf(reference)) as number;
      if (code.kind === 'imm64') return immediate(code, addresses.functionPointer(fn));
      return { ...code, kind: 'call', what: 'function', target: fn };
    }
    case 'kfunc': {
      const name = essentialName(reference.name);
      const found = context.resolved.get(reference.name) ?? resolveKfunc(object, kernel, reference.name);
      context.resolved.set(reference.name, found);
      const id = context.kfuncs.indexOf(name);
      // An address that a program may only compare with 0.
      if (code.kind === 'imm64') return immediate(code, found === 'found' ? kernelText + BigInt(id) : 0);
      if (found === 'absent') return `${name} does not exist in ${kernel.release}`;
      if (found === 'incompatible') return `${name} has another prototype in ${kernel.release}`;
      return { ...code, kind: 'call', what: 'kfunc', id };
    }
    case 'ksym': {
      const name = essentialName(reference.name);
      const address = addresses.ksym(name);
      if (address !== undefined || reference.weak) return immediate(code, address ?? 0);
      return `kernel variable ${name} is not modelled`;
    }
  }
}

const kernelText = 0xffff_ffff_8100_0000n;

function immediate(code: Instruction, value: number | bigint): Instruction {
  const wide = BigInt(value);
  return { ...code, kind: 'imm64', what: 'value', src: 0, imm: Number(BigInt.asIntN(32, wide)), value: wide };
}
