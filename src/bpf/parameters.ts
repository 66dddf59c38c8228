// The parameters of a policy: its `const volatile` globals in `.rodata`, and its `volatile` globals in `.data`, which are *knobs*: they may move while it
// runs. Found through BTF; and a copy of the object with other values for them. No compiler needed. Source: the qualifiers in BTF, the bytes in the sections.
import { Fault } from '../core/errors.ts';
import type { Btf } from './btf.ts';
import { typeText } from './btf-text.ts';
import type { BtfType, Enumerator } from './btf-types.ts';
import { dataVariables, sectionNamed } from './data-sections.ts';
import { sectionReader } from './malformed.ts';
import { type BpfObject, readObject } from './object.ts';

export type ParameterKind = 'unsigned' | 'signed' | 'bool' | 'enum' | 'other';

export interface Parameter {
  readonly name: string;
  /** As C writes it, without `const volatile`: "u64", "enum mode", "u32 [4]". */
  readonly type: string;
  /** `other`: arrays, structs, pointers, floats; listed, but not patched. */
  readonly kind: ParameterKind;
  /** Of the representation: also set for enums. */
  readonly signed: boolean;
  /** Bytes. */
  readonly size: number;
  readonly section: '.rodata' | '.data';
  /** In the section, bytes. */
  readonly offset: number;
  /** What the object says now; undefined for `other`. Bools are 0n or 1n. */
  readonly value: bigint | undefined;
  /** Of an enum, as declared. */
  readonly enumerators: readonly Enumerator[];
}
/** Strings are decimal: integers beyond 2^53, as records have them. */
export type ParameterValue = bigint | number | boolean | string;

/** What may move while the policy runs. */
export function isKnob({ section }: Parameter): boolean {
  return section === '.data';
}

/** Those of `.rodata` first, each section in order of offset. @throws Fault malformed. */
export function parameters(object: BpfObject): Parameter[] {
  return [...sectionParameters(object, '.rodata'), ...sectionParameters(object, '.data')];
}

function sectionParameters(object: BpfObject, place: Parameter['section']): Parameter[] {
  const section = sectionNamed(object.elf, place);
  if (section === undefined) return [];
  const reader = sectionReader(section.data, section.name);
  return dataVariables(object.elf, object.btf, section)
    .filter(({ type }) => hasQualifiers(object.btf, type, place))
    .map(({ name, type, offset, size }) => {
      const shape = shapeOf(object.btf.resolve(type));
      const value = shape.kind === 'other' ? undefined : reader.integer(offset, size, shape.signed);
      if (shape.kind === 'bool' && value !== 0n && value !== 1n)
        reader.fail(offset, `bool ${name} is ${value}`);
      return { name, type: plainTypeText(object.btf, type), ...shape, size, section: place, offset, value };
    });
}

/**
 * A copy of the object's bytes in which the named parameters have those values; all others keep theirs.
 * @throws Fault malformed; not-found for a name that is no parameter; unsupported for a value that does not fit, or a name that several
 * static globals share.
 */
export function patchParameters(
  bytes: Uint8Array,
  values: Readonly<Record<string, ParameterValue>>,
): Uint8Array {
  const object = readObject(bytes);
  const known = parameters(object);
  const patched = new Uint8Array(bytes); // slice() of a Buffer is no copy
  for (const [name, value] of Object.entries(values)) {
    const [parameter, twin] = known.filter((item) => item.name === name);
    if (twin !== undefined) throw ambiguousParameter(name);
    const section = parameter && sectionNamed(object.elf, parameter.section);
    if (parameter === undefined || section === undefined)
      throw unknownParameter(
        name,
        known.map((item) => item.name),
      );
    const integer = fittingInteger(parameter, value);
    const start = section.offset + parameter.offset;
    for (let i = 0; i < parameter.size; i++) patched[start + i] = Number((integer >> BigInt(8 * i)) & 0xffn);
  }
  return patched;
}

function unknownParameter(name: string, names: readonly string[]): Fault {
  const list = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return new Fault('not-found', `the object has no parameter ${JSON.stringify(name)}; ${list}`, {
    tried: `set parameter ${name}`,
    next: 'use one of the listed names, or declare it as a const volatile global (volatile alone: a knob, which may move while the policy runs)',
  });
}

/** Static globals of linked objects may share a name. */
function ambiguousParameter(name: string): Fault {
  return new Fault('unsupported', `the object has several parameters ${name}`, {
    tried: `set parameter ${name}`,
    next: 'give them different names, or make them one global',
  });
}

/** The value as an integer of the parameter's type. @throws Fault unsupported. */
function fittingInteger(parameter: Parameter, value: ParameterValue): bigint {
  const { name, type, kind, size, signed } = parameter;
  const refuse = (problem: string, next: string): never => {
    const message = `parameter ${name} (${type}) ${problem}`;
    throw new Fault('unsupported', message, {
      tried: `set ${name} to ${value}`,
      where: parameter.section,
      next,
    });
  };
  if (kind === 'other') return refuse('is not a scalar and cannot be set', 'rebuild the object instead');
  const isWhole =
    typeof value === 'string'
      ? /^-?\d+$/.test(value)
      : typeof value !== 'number' || Number.isSafeInteger(value);
  if (!isWhole) return refuse(`cannot be ${value}`, 'give a whole number; beyond 2^53 as a bigint');
  const integer = BigInt(value);
  const bits = BigInt(size * 8);
  const low = signed ? -(1n << (bits - 1n)) : 0n;
  const high = kind === 'bool' ? 1n : (1n << (signed ? bits - 1n : bits)) - 1n;
  if (integer < low || integer > high)
    return refuse(`cannot be ${value}`, `give a value from ${low} to ${high}`);
  return integer;
}

/** `const volatile` in .rodata, `volatile` alone in .data. */
function hasQualifiers(btf: Btf, id: number, place: Parameter['section']): boolean {
  let [isConst, isVolatile] = [false, false];
  let type = btf.type(id);
  // `resolve` has refused endless chains by the time this runs: sizes are known.
  for (;;) {
    switch (type.kind) {
      case 'const':
        isConst = true;
        break;
      case 'volatile':
        isVolatile = true;
        break;
      case 'array':
      case 'typedef':
      case 'type_tag':
        break;
      default:
        return isVolatile && isConst === (place === '.rodata');
    }
    type = btf.type(type.kind === 'array' ? type.element : type.type);
  }
}

function shapeOf(type: BtfType): Pick<Parameter, 'kind' | 'signed' | 'enumerators'> {
  const other = { kind: 'other', signed: false, enumerators: [] } as const;
  if (!('size' in type) || ![1, 2, 4, 8].includes(type.size)) return other;
  if (type.kind === 'enum' || type.kind === 'enum64')
    return { kind: 'enum', signed: type.signed, enumerators: type.values };
  if (type.kind !== 'int') return other;
  if (type.encoding === 'bool') return { kind: 'bool', signed: false, enumerators: [] };
  const signed = type.encoding === 'signed';
  return { kind: signed ? 'signed' : 'unsigned', signed, enumerators: [] };
}

/** Without the qualifiers that every parameter has; of an array, without those of its elements. */
function plainTypeText(btf: Btf, id: number): string {
  let type = btf.type(id);
  while (type.kind === 'const' || type.kind === 'volatile') type = btf.type(type.type);
  const text = typeText(btf, type.id);
  return type.kind === 'array' ? text.replaceAll(/^((const|volatile) )+/g, '') : text;
}
