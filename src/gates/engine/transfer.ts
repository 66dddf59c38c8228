// What one instruction does to registers and stack. Source: RFC 9669; which load reads which field is told by CO-RE relocations, which global is a parameter by BTF.

import type { CoreRelocation } from '../../bpf/btf-ext.ts';
import type { Bytes, Instruction } from '../../bpf/instructions.ts';
import { helperName, nullable, silent } from '../data/helpers.ts';
import { enumerators, memberArguments } from '../data/kernels.ts';
import { kfuncs } from '../data/kfuncs.ts';
import { table } from '../data/table.ts';
import { callArguments, frameOffset, passCall } from './calls.ts';
import { calculated, compute, fieldNameOf, fieldPointer, fieldValue, narrowed } from './compute.ts';
import { fillFrame, loadFrame, type State, storeFrame } from './frame.ts';
import type { Instance, Site } from './instance.ts';
import { kfuncNames, type Subject } from './subject.ts';
import { anything, constantOf, flag, type Origin, rootOf, type Value, type Values } from './values.ts';

type Of<K extends Instruction['kind']> = Extract<Instruction, { kind: K }>;
type Load = Of<'load'> | Extract<Instruction, { kind: 'load_acquire' | 'store_release' }>;
type Save = Of<'store'> | Extract<Instruction, { kind: 'load_acquire' | 'store_release' }>;
type Call = (fn: number, args: readonly Value[]) => Value;

/** Helpers and kfuncs that call a function: which argument it is, and how. */
const calling = table<readonly [argument: number, how: Site['how']]>({
  bpf_loop: [1, 'loop'],
  bpf_for_each_map_elem: [1, 'each'],
  bpf_user_ringbuf_drain: [1, 'each'],
  bpf_timer_set_callback: [1, 'async'],
  bpf_wq_set_callback_impl: [1, 'async'],
  bpf_rbtree_add_impl: [2, 'once'],
});

function isMemory({ atoms }: Value): boolean {
  const origin = atoms?.length === 1 ? atoms[0]!.origin : undefined;
  return origin?.kind === 'data' || (origin?.kind === 'helper' && nullable.has(origin.name));
}

export class Transfer {
  readonly #subject: Subject;
  readonly #values: Values;
  readonly #arguments: readonly string[];
  readonly #call: Call;

  constructor(subject: Subject, values: Values, member: string | undefined, call: Call) {
    this.#subject = subject;
    this.#values = values;
    this.#arguments = memberArguments[member ?? ''] ?? [];
    this.#call = call;
  }

  step(instance: Instance, block: number, state: State, code: Instruction): void {
    switch (code.kind) {
      case 'mov':
        state[code.dst] = this.#moved(instance.fn, state, code);
        return;
      case 'alu':
        state[code.dst] = this.#computed(instance, block, state, code);
        return;
      case 'imm64':
        state[code.dst] = this.#immediate(instance.fn, code);
        return;
      case 'load':
      case 'load_acquire':
        state[code.dst] = this.#loaded(instance, block, state, code);
        return;
      case 'store':
      case 'store_release':
        this.#stored(instance, block, state, code);
        return;
      case 'call':
        this.#called(instance, block, state, code);
        return;
      case 'movsx':
        state[code.dst] = state[code.src]!;
        return;
      default:
        this.#other(instance, block, state, code);
    }
  }

  #other(instance: Instance, block: number, state: State, code: Instruction): void {
    const { fn } = instance;
    switch (code.kind) {
      case 'neg':
      case 'swap':
        state[code.dst] = calculated(
          this.#values,
          { fn, at: code.at },
          code.kind,
          state[code.dst]!,
          state[code.dst]!,
        );
        return;
      case 'cast': // into an arena or out of it: memory of the program's own, of which nothing is known
        state[code.dst] = anything;
        return;
      case 'packet':
      case 'callx':
        state.fill(anything, 0, 6);
        return;
      case 'atomic':
      case 'xchg':
      case 'cmpxchg': {
        this.#noteUntested(instance, block, code.at, state[code.dst]!);
        this.#writeFrame(state, code.dst, code.offset, code.bytes, anything);
        const result = this.#values.made('loaded', 'atomic', 0n, fn, code.at, [state[code.dst]!]);
        if (code.kind === 'cmpxchg') state[0] = result;
        else if (code.kind === 'xchg' || (code.kind === 'atomic' && code.fetch)) state[code.src] = result;
      }
    }
  }

  #moved(fn: number, state: State, code: Of<'mov'>): Value {
    if (code.fromSrc) return code.width === 64 ? state[code.src]! : narrowed(this.#values, state[code.src]!);
    const relocation = this.#subject.functions[fn]!.coreRelocations.get(code.at);
    if (relocation !== undefined) {
      const field = this.#subject.fieldOf(relocation);
      if (field !== undefined) return this.#values.made('offset', field);
      return this.#enumerator(fn, code.at, relocation);
    }
    if (code.width === 64 || code.imm >= 0) return this.#values.immediate(code.imm);
    return this.#values.constant(BigInt.asUintN(32, BigInt(code.imm)));
  }

  #computed(instance: Instance, block: number, state: State, code: Of<'alu'>): Value {
    const { fn } = instance;
    const left = state[code.dst]!;
    if (!code.fromSrc && code.op === 'add') {
      const field = this.#subject.fieldOf(this.#subject.functions[fn]!.coreRelocations.get(code.at));
      if (field !== undefined) return fieldPointer(this.#values, left, field);
    }
    const right = code.fromSrc ? state[code.src]! : this.#values.immediate(code.imm);
    if (code.op === 'add' && code.fromSrc) this.#noteIndex(instance, block, code.at, left, right);
    return compute(this.#values, { fn, at: code.at }, code.op, code.width, left, right);
  }

  /** A variable's address, or a map value's, and what is added to it. */
  #noteIndex({ indexes }: Instance, block: number, at: number, left: Value, right: Value): void {
    indexes.delete(at);
    if (isMemory(left)) indexes.set(at, { at, block, index: right });
    else if (isMemory(right)) indexes.set(at, { at, block, index: left });
  }

  #immediate(fn: number, code: Of<'imm64'>): Value {
    const program = this.#subject.functions[fn]!;
    const reference = program.references.get(code.at);
    const values = this.#values;
    switch (reference?.kind) {
      case undefined: {
        const relocation = program.coreRelocations.get(code.at);
        return relocation === undefined
          ? values.constant(code.value)
          : this.#enumerator(fn, code.at, relocation);
      }
      case 'map':
        return values.made('map', reference.name);
      case 'data':
        return values.made('data', reference.section, BigInt(reference.offset));
      case 'function':
        return values.made('function', `${this.#subject.functionOf(reference) ?? -1}`);
      case 'kconfig':
        return values.made('data', '.kconfig', 0n, fn, code.at);
      default:
        return values.made('ksym', reference!.name);
    }
  }

  /** A value of the kernel's; what else a relocation asks is answered when the policy is loaded. */
  #enumerator(fn: number, at: number, relocation: CoreRelocation): Value {
    const value = enumerators[this.#subject.enumeratorOf(relocation) ?? ''];
    return value === undefined
      ? this.#values.made('calc', relocation.kind, 0n, fn, at)
      : this.#values.constant(value);
  }

  #loaded(instance: Instance, block: number, state: State, code: Load): Value {
    const { fn } = instance;
    const { at, src, offset, bytes } = code;
    const base = state[src]!;
    const values = this.#values;
    this.#noteUntested(instance, block, at, base);
    const field = this.#subject.fieldOf(this.#subject.functions[fn]!.coreRelocations.get(at));
    if (field !== undefined) {
      this.#noteRemembered(instance, block, at, base, field);
      return fieldValue(values, base, field);
    }
    const origin = base.atoms?.length === 1 ? base.atoms[0]!.origin : undefined;
    switch (origin?.kind) {
      case 'ctx':
        return values.made(
          'arg',
          this.#arguments[offset / 8]?.replace('?', '') ?? `argument ${offset / 8}`,
          BigInt(offset),
        );
      case 'frame': {
        const held = loadFrame(state, Number(origin.value) + offset, bytes);
        return bytes < 4 && held.atoms?.[0]?.origin.kind === 'field'
          ? values.made('loaded', 'byte', BigInt(offset), fn, at, [held])
          : held;
      }
      case 'data':
        return this.#global(fn, at, origin, offset, bytes) ?? this.#unknown(fn, at, origin, offset, base);
      case 'fieldptr':
        return fieldValue(values, origin.of[0]!, fieldNameOf(origin)!);
      case 'plus': {
        const inner = origin.of[0]?.atoms?.[0]?.origin;
        const name = inner === undefined ? undefined : fieldNameOf(inner);
        return name === undefined
          ? this.#unknown(fn, at, origin, offset, base)
          : fieldValue(values, inner!.of[0]!, name);
      }
      case 'kfunc':
        return origin.name === 'bpf_iter_num_next'
          ? this.#counted(fn, at, origin)
          : this.#unknown(fn, at, origin, offset, base);
      default:
        return this.#unknown(fn, at, origin, offset, base);
    }
  }

  #noteRemembered(instance: Instance, block: number, at: number, base: Value, field: string): void {
    instance.remembered.delete(at);
    const origin = base.atoms?.length === 1 ? base.atoms[0]!.origin : undefined;
    const isKept =
      origin?.kind === 'global' ||
      (origin?.kind === 'loaded' && origin.of[0] !== undefined && isMemory(origin.of[0]));
    if (isKept && field.startsWith('task_struct.')) instance.remembered.set(at, { at, block, pointer: base });
  }

  #unknown(fn: number, at: number, origin: Origin | undefined, offset: number, base: Value): Value {
    return this.#values.made('loaded', origin?.name ?? '', offset === 0 ? 0n : BigInt(offset), fn, at, [
      base,
    ]);
  }

  /** What bpf_for() gives: the numbers themselves, where they are few. */
  #counted(fn: number, at: number, next: Origin): Value {
    const range = next.of[0]?.atoms?.[0]?.origin;
    const [from, to] = (range?.kind === 'numbers' ? range.of : []).map(constantOf);
    if (from !== undefined && to !== undefined && to > from && to - from <= 16n) {
      let all = this.#values.constant(from);
      for (let i = from + 1n; i < to; i++) all = this.#values.join(all, this.#values.constant(i));
      return all;
    }
    return this.#values.made('counter', '', 0n, fn, at, range?.of ?? []);
  }

  #global(fn: number, at: number, data: Origin, offset: number, bytes: Bytes): Value | undefined {
    const place = Number(data.value) + offset;
    const variable = this.#subject.variableAt(data.name, place);
    const values = this.#values;
    if (!data.name.startsWith('.rodata'))
      return values.made('global', `${variable?.name ?? data.name}`, BigInt(offset), fn, at);
    // Enumerators that a loader fills in (SCX_ENUM_INIT).
    if (variable?.name.startsWith('__SCX_')) {
      const value = enumerators[variable.name.slice(2)];
      return value === undefined ? undefined : values.constant(value);
    }
    const initial = this.#subject.initial(data.name, place, bytes);
    if (initial === undefined) return undefined;
    if (variable?.isParameter) return values.made('parameter', variable.name, initial);
    return values.constant(initial);
  }

  #stored(instance: Instance, block: number, state: State, code: Save): void {
    const { fn } = instance;
    const { at, dst, offset, bytes } = code;
    const fromSrc = code.kind !== 'store' || code.fromSrc;
    const value = fromSrc ? state[code.src]! : this.#values.immediate(code.imm);
    const base = state[dst]!;
    if (this.#writeFrame(state, dst, offset, bytes, value)) return;
    this.#noteUntested(instance, block, at, base);
    const origin = base.atoms?.length === 1 ? base.atoms[0]!.origin : undefined;
    const field =
      this.#subject.fieldOf(this.#subject.functions[fn]!.coreRelocations.get(at)) ??
      (origin === undefined ? undefined : fieldNameOf(origin));
    instance.stores.set(at, { at, block, base, value, field, bytes });
  }

  /** False when the pointer does not lead into the stack. */
  #writeFrame(state: State, register: number, offset: number, bytes: Bytes, value: Value): boolean {
    const { atoms } = state[register]!;
    const place = frameOffset(state[register]!);
    if (place !== undefined) storeFrame(state, place + offset, bytes, value);
    else if (atoms?.some(({ origin }) => origin.kind === 'frame'))
      for (const { origin } of atoms)
        if (origin.kind === 'frame') storeFrame(state, Number(origin.value) + offset, bytes, anything);
    return atoms?.some(({ origin }) => origin.kind === 'frame') ?? false;
  }

  #noteUntested(instance: Instance, block: number, at: number, pointer: Value): void {
    const atom = pointer.atoms?.length === 1 ? pointer.atoms[0]! : undefined;
    instance.untested.delete(at);
    if (atom === undefined || (atom.flags & flag.tested) !== 0) return;
    if (this.#mayBeNull(atom.origin)) instance.untested.set(at, { at, block, pointer });
  }

  #mayBeNull(origin: Origin): boolean {
    if (origin.kind === 'kfunc') return kfuncs[origin.name]?.mayBeNull === true;
    if (origin.kind === 'helper') return nullable.has(origin.name);
    return origin.kind === 'arg' && this.#arguments[Number(origin.value) / 8]?.endsWith('?') === true;
  }

  #called(instance: Instance, block: number, state: State, code: Of<'call'>): void {
    const { fn } = instance;
    const { at } = code;
    const reference = this.#subject.functions[fn]!.references.get(at);
    if (reference?.kind === 'kfunc' || reference?.kind === 'ksym') {
      const { base } = kfuncNames(reference.name);
      this.#known(instance, block, state, { what: 'kfunc', name: base, fn, at }, reference.name);
      return;
    }
    const callee = this.#subject.functionOf(reference);
    if (callee === undefined) {
      const name = code.what === 'helper' ? helperName(code.id) : 'unknown function';
      this.#known(instance, block, state, { what: 'helper', name, fn, at }, name);
      return;
    }
    const args = state.slice(1, 6).map((value) => this.#outside(value));
    const result = this.#call(callee, args);
    for (const arg of state.slice(1, 6)) {
      const place = frameOffset(arg);
      if (place !== undefined) fillFrame(state, place, 512, anything);
    }
    state.fill(anything, 1, 6);
    state[0] = result;
    const { name } = this.#subject.functions[callee]!;
    instance.sites.set(at, {
      at,
      block,
      what: 'function',
      name,
      declared: name,
      args,
      result,
      key: undefined,
      callee,
      how: 'once',
    });
  }

  #known(
    instance: Instance,
    block: number,
    state: State,
    call: Parameters<typeof passCall>[2],
    declared: string,
  ): void {
    const taken = call.what === 'kfunc' ? this.#subject.arityOf(declared) : silent.has(call.name) ? 0 : 5;
    // What other registers hold is not for the call.
    for (let register = taken + 1; register <= 5; register++) state[register] = anything;
    const args = callArguments(state, declared);
    const entry = calling[call.name];
    const pointer = entry === undefined ? undefined : rootOf(args[entry[0]]);
    const callee = pointer?.kind === 'function' && pointer.name !== '-1' ? Number(pointer.name) : undefined;
    const how = entry?.[1] ?? 'once';
    if (callee !== undefined && how !== 'async') this.#call(callee, this.#handedOver(call, args));
    else if (callee !== undefined) this.#call(callee, [anything, anything, anything, anything, anything]);
    const place = call.name === 'bpf_map_update_elem' ? frameOffset(args[1]!) : undefined;
    const key = place === undefined ? undefined : loadFrame(state, place, 4);
    const result = passCall(this.#values, state, call, args);
    const { at, what, name } = call;
    instance.sites.set(at, { at, block, what, name, declared, args, result, key, callee, how });
  }

  /** What a function that is called by a helper gets. */
  #handedOver({ name, fn, at }: { name: string; fn: number; at: number }, args: readonly Value[]): Value[] {
    const round = this.#values.made('counter', '', 1n, fn, at, [this.#values.constant(0n), args[0]!]);
    const context = this.#outside(args[2] ?? anything);
    const rest = [anything, anything, anything];
    return name === 'bpf_loop'
      ? [round, context, ...rest]
      : [anything, anything, anything, context, anything];
  }

  /** A pointer into a frame of a caller is not one into the function's own. */
  #outside(value: Value): Value {
    return value.atoms?.some(({ origin }) => origin.kind === 'frame') === true
      ? this.#values.made('outer', '')
      : value;
  }
}
