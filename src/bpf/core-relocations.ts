// Applies CO-RE relocations: what an object says about its own idea of the kernel's types becomes what the target says.
// Source: Documentation/bpf/llvm_reloc.rst ("CO-RE Relocations") and the rules that libbpf documents beside bpf_core_apply_relo_insn().
import { Fault } from '../core/errors.ts';
import type { Btf } from './btf.ts';
import type { CoreKind, CoreRelocation } from './btf-ext.ts';
import {
  type CorePlace,
  type CoreRoot,
  essentialName,
  type LocalAccess,
  localAccess,
} from './core-access.ts';
import { type Bytes, type Instruction, positionOf } from './instructions.ts';

/** Of a member: where it is; that the kernel has it but the target gives it no place; that it does not exist; that nobody knows. */
export type CoreField =
  | ({ readonly is: 'here' } & CorePlace)
  | { readonly is: 'unmodelled'; readonly kind: CorePlace['kind'] }
  | { readonly is: 'absent' | 'unknown' };

/** The types that code is to meet. Names come without flavours (`___old`). */
export interface CoreTarget {
  /** For messages: "6.18.15". */
  readonly name: string;
  /** `size` in bytes, undefined when the kernel has the type and the target does not model it; `id` is not 0. */
  type(root: CoreRoot): { readonly size: number | undefined; readonly id: number } | 'absent' | 'unknown';
  /** Member `path` (names, and indexes of arrays) of element `index` of an array of `root`. Members of anonymous members count as members. */
  field(root: CoreRoot, index: number, path: readonly (string | number)[]): CoreField;
  enumerator(root: CoreRoot, name: string): bigint | 'absent' | 'unknown';
}

export interface Poisoned {
  /** Slot of the instruction. */
  readonly at: number;
  /** "task_struct.foo is not modelled": why it must not be executed. */
  readonly message: string;
}

/** The helper that libbpf calls in place of an instruction that cannot be relocated: no kernel has it. */
export const poisonHelper = 195_896_080;

export function poisonedCall(code: Instruction, id = poisonHelper): Instruction {
  const { at, slots } = code;
  return { at, slots, opcode: 0x85, dst: 0, src: 0, offset: 0, imm: id, kind: 'call', what: 'helper', id };
}

/**
 * A copy of the instructions with the relocations (by slot) applied. What the target cannot answer becomes a call of `poisonHelper`, to be
 * found only if executed. `known` remembers what relocations mean, for more instructions of the same object and target. @throws Fault malformed
 * when relocation and instruction do not fit.
 */
export function applyCoreRelocations(
  btf: Btf,
  instructions: readonly Instruction[],
  relocations: ReadonlyMap<number, CoreRelocation>,
  target: CoreTarget,
  known: Map<string, Resolution> = new Map(),
): { readonly instructions: Instruction[]; readonly poisoned: readonly Poisoned[] } {
  const poisoned: Poisoned[] = [];
  const relocated = instructions.slice();
  for (const [at, relocation] of relocations) {
    const position = positionOf(instructions, at);
    const code = instructions[position] ?? refuse(relocation, 'it is not at an instruction');
    const key = `${relocation.kind} ${relocation.type} ${relocation.access.join()}`;
    const value = known.get(key) ?? resolve(btf, relocation, target);
    known.set(key, value);
    const done = 'poison' in value ? value.poison : patch(code, relocation, value);
    if (typeof done === 'string') poisoned.push({ at, message: done });
    relocated[position] = typeof done === 'string' ? poisonedCall(code) : done;
  }
  return { instructions: relocated, poisoned };
}

interface Value {
  /** What the instruction holds now; undefined where compilers may disagree. */
  readonly before: bigint | undefined;
  readonly after: bigint;
  /** Set for byte offsets: sizes before and after, for loads and stores. */
  readonly resize?: {
    readonly from: number;
    readonly to: number;
    readonly isSafe: boolean;
    readonly text: string;
  };
}
export type Resolution = Value | { readonly poison: string };

function resolve(btf: Btf, relocation: CoreRelocation, target: CoreTarget): Resolution {
  const { kind } = relocation;
  if (kind !== 'local_type_id' && localAccess(btf, relocation.type, [0]).root.name === '')
    return refuse(relocation, 'it is about a type without a name');
  switch (kind) {
    case 'local_type_id':
      return { before: undefined, after: BigInt(relocation.type) };
    case 'target_type_id':
    case 'type_exists':
    case 'type_size':
    case 'type_matches':
      return resolveType(btf, relocation, target);
    case 'enumval_exists':
    case 'enumval_value':
      return resolveEnumerator(btf, relocation, target);
    default:
      return resolveField(btf, relocation, kind, target);
  }
}

function unknownType(name: string, target: CoreTarget): { poison: string } {
  return { poison: `the data of ${target.name} do not say whether ${name} exists` };
}

function resolveType(btf: Btf, relocation: CoreRelocation, target: CoreTarget): Resolution {
  const { kind, type: id } = relocation;
  const { root } = localAccess(btf, id, [0]);
  const found = target.type(root);
  const before = kind === 'target_type_id' ? undefined : kind === 'type_size' ? BigInt(btf.sizeOf(id)) : 1n;
  if (found === 'unknown') return unknownType(root.name, target);
  if (found === 'absent') return { before, after: 0n };
  if (kind === 'target_type_id') return { before, after: BigInt(found.id) };
  if (kind === 'type_exists') return { before, after: 1n };
  if (kind === 'type_matches') return { before, after: typeMatches(btf, id, root, target) ? 1n : 0n };
  if (found.size === undefined) return { poison: `${root.name} is not modelled` };
  return { before, after: BigInt(found.size) };
}

/** Every member (or enumerator) of the local type is there, of the same kind. */
function typeMatches(btf: Btf, id: number, root: CoreRoot, target: CoreTarget): boolean {
  const type = btf.resolve(id);
  if (type.kind === 'enum' || type.kind === 'enum64')
    return type.values.every(({ name }) => typeof target.enumerator(root, essentialName(name)) === 'bigint');
  if (type.kind !== 'struct' && type.kind !== 'union') return true;
  return type.members.every((member, i) => {
    if (member.name === '') return true;
    const { place, path } = localAccess(btf, id, [0, i]);
    const field = target.field(root, 0, path);
    return 'kind' in field && field.kind === place.kind;
  });
}

function resolveEnumerator(btf: Btf, relocation: CoreRelocation, target: CoreTarget): Resolution {
  const type = btf.resolve(relocation.type);
  if (type.kind !== 'enum' && type.kind !== 'enum64') return refuse(relocation, `it is about a ${type.kind}`);
  const item = type.values[relocation.access[0] ?? 0];
  if (item === undefined || relocation.access.length !== 1)
    return refuse(relocation, 'there is no such enumerator');
  const { root } = localAccess(btf, relocation.type, [0]);
  const name = essentialName(item.name);
  const found = target.enumerator(root, name);
  const isValue = relocation.kind === 'enumval_value';
  const before = isValue ? item.value : 1n;
  if (found === 'unknown') return unknownType(root.name, target);
  if (!isValue) return { before, after: found === 'absent' ? 0n : 1n };
  if (found === 'absent') return { poison: `${name} does not exist in ${target.name}` };
  return { before, after: found };
}

function resolveField(btf: Btf, relocation: CoreRelocation, kind: CoreKind, target: CoreTarget): Resolution {
  const local = localAccess(btf, relocation.type, relocation.access);
  const found = target.field(local.root, local.index, local.path);
  if (found.is === 'unknown') return unknownType(local.text, target);
  // As for libbpf, a member of another kind is not the one that the object means.
  const exists = 'kind' in found && found.kind === local.place.kind;
  if (kind === 'field_exists') return { before: 1n, after: exists ? 1n : 0n };
  if (!exists) return { poison: `${local.text} does not exist in ${target.name}` };
  if (found.is === 'unmodelled') return { poison: `${local.text} is not modelled` };
  const before = fieldValue(relocation, kind, local.place);
  const after = fieldValue(relocation, kind, found);
  const isCertain = local.place.bitSize === 0 || kind === 'signed' || kind === 'rshift_u64';
  const value = { before: isCertain ? before : undefined, after };
  return kind === 'byte_off' ? { ...value, resize: resizing(local, found) } : value;
}

/**
 * Zero extension keeps the value of unsigned integers and of pointers; anything else of another size cannot be accessed. Bit fields have no
 * size of their own: two of them need no change, one and another thing do not fit.
 */
function resizing(local: LocalAccess, found: CorePlace): NonNullable<Value['resize']> {
  const { place, text } = local;
  const sizeOf = ({ bitSize, size }: CorePlace) => (bitSize === 0 ? size : 0);
  const isUnsigned = ({ kind, signed, bitSize }: CorePlace) => kind === 'int' && !signed && bitSize === 0;
  const isSafe = place.kind === 'pointer' || (isUnsigned(place) && isUnsigned(found));
  return { from: sizeOf(place), to: sizeOf(found), isSafe, text };
}

/** The values of bit fields are read from the smallest aligned integer that holds them, at least as long as their type. */
function fieldValue(relocation: CoreRelocation, kind: CoreKind, place: CorePlace): bigint {
  const { bitOffset, bitSize, size, isElement } = place;
  if (isElement && kind !== 'byte_off' && kind !== 'byte_sz')
    return refuse(relocation, `an element of an array has no ${kind}`);
  let bytes = size;
  let start = Math.floor(bitOffset / 8);
  if (bitSize !== 0) {
    const aligned = () => Math.floor(bitOffset / 8 / bytes) * bytes;
    for (start = aligned(); bitOffset + bitSize - start * 8 > bytes * 8; start = aligned()) {
      if (bytes >= 8) return refuse(relocation, 'a bit field of more than 8 bytes');
      bytes *= 2;
    }
  }
  const bits = bitSize === 0 ? bytes * 8 : bitSize;
  switch (kind) {
    case 'byte_off':
      return BigInt(start);
    case 'byte_sz':
      return BigInt(bytes);
    case 'signed':
      return place.signed ? 1n : 0n;
    case 'lshift_u64':
      return BigInt(64 - (bitOffset + bits - start * 8));
    default:
      return BigInt(64 - bits);
  }
}

/** The instruction with its new value, or why it is poisoned. */
function patch(code: Instruction, relocation: CoreRelocation, value: Value): Instruction | string {
  const { before, after } = value;
  const expect = (holds: bigint, bits: number): void => {
    if (before !== undefined && BigInt.asUintN(bits, holds) !== BigInt.asUintN(bits, before))
      refuse(relocation, `the instruction holds ${holds}, not ${before}`);
  };
  if (code.kind === 'imm64') {
    expect(code.value, 64);
    const wide = BigInt.asUintN(64, after);
    return { ...code, imm: Number(BigInt.asIntN(32, wide)), value: wide };
  }
  const group = code.opcode & 7;
  if (group === 4 || group === 7) {
    if ((code.opcode & 8) !== 0) return refuse(relocation, 'the instruction has no immediate');
    expect(BigInt(code.imm), 32);
    return { ...code, imm: Number(BigInt.asIntN(32, after)) };
  }
  if (group < 1 || group > 3) return refuse(relocation, `a ${code.kind} cannot be relocated`);
  expect(BigInt(code.offset), 64);
  if (after > 0x7fffn) return refuse(relocation, `offset ${after} does not fit an instruction`);
  return resized({ ...code, offset: Number(after) }, relocation, value);
}

function resized(code: Instruction, relocation: CoreRelocation, { resize }: Value): Instruction | string {
  if (resize === undefined || resize.from === resize.to) return code;
  if (!('bytes' in code) || code.bytes === undefined) return code;
  const { from, to, isSafe, text } = resize;
  if (!isSafe)
    return `${text} has another size or form in the kernel: only unsigned integers and pointers can be converted`;
  if (code.bytes !== from) refuse(relocation, `access of ${code.bytes} bytes to a member of ${from}`);
  const sizeBits = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 }[to];
  if (sizeBits === undefined) return refuse(relocation, `no access has ${to} bytes`);
  return { ...code, opcode: (code.opcode & ~0x18) | sizeBits, bytes: to as Bytes } as Instruction;
}

function refuse(relocation: CoreRelocation, problem: string): never {
  const where = `${relocation.section}+0x${relocation.offset.toString(16)}`;
  throw new Fault('malformed', `${where}: CO-RE relocation ${relocation.kind}: ${problem}`, {
    tried: 'apply a CO-RE relocation',
    where,
    next: 'rebuild the object with clang -target bpf -O2 -g',
  });
}
