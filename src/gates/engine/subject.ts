// An object as the static gate asks for it: functions by number, what data sections hold, fields by their CO-RE relocations, source lines.

import type { CoreRelocation, LineRecord } from '../../bpf/btf-ext.ts';
import { essentialName, localAccess } from '../../bpf/core-access.ts';
import { dataVariables, sectionNamed } from '../../bpf/data-sections.ts';
import type { Instruction } from '../../bpf/instructions.ts';
import type { BpfObject } from '../../bpf/object.ts';
import { parameters } from '../../bpf/parameters.ts';
import type { Program } from '../../bpf/programs.ts';
import type { Reference } from '../../bpf/references.ts';
import type { GatePlace } from '../../core/gate.ts';
import { renamed } from '../data/renamed.ts';
import { table } from '../data/table.ts';
import { frameDepth } from './depth.ts';
import { type Flow, readFlow } from './flow.ts';

interface Variable {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly isParameter: boolean;
}

export class Subject {
  readonly object: BpfObject;
  readonly functions: readonly Program[];
  readonly #byPlace = new Map<string, number>();
  readonly #flows: (Flow | undefined)[] = [];
  /** By root type and access. */
  readonly #fields = new Map<number, Map<CoreRelocation['access'], string>>();
  readonly #depths: (number | undefined)[] = [];
  readonly #arities = new Map<string, number>();
  readonly #variables = new Map<string, readonly Variable[]>();

  constructor(object: BpfObject) {
    this.object = object;
    this.functions = [...object.programs, ...object.subprograms];
    this.functions.forEach(({ section, offset }, i) => {
      this.#byPlace.set(`${section}:${offset}`, i);
    });
  }

  /** @throws Fault malformed. */
  flow(fn: number): Flow {
    let flow = this.#flows[fn];
    if (flow === undefined) {
      flow = readFlow(this.functions[fn]!);
      this.#flows[fn] = flow;
    }
    return flow;
  }

  /** How far the function reaches below r10, bytes. */
  depthOf(fn: number): number {
    let depth = this.#depths[fn];
    if (depth === undefined) {
      depth = frameDepth(this.functions[fn]!);
      this.#depths[fn] = depth;
    }
    return depth;
  }

  functionOf(reference: Reference | undefined): number | undefined {
    return reference?.kind === 'function'
      ? this.#byPlace.get(`${reference.section}:${reference.offset}`)
      : undefined;
  }

  /** How many arguments a kfunc takes, as the object declares it. */
  arityOf(kfunc: string): number {
    let arity = this.#arities.get(kfunc);
    if (arity === undefined) {
      const { externs, btf } = this.object;
      const extern = externs.find(({ kind, name }) => kind === 'kfunc' && name === kfunc);
      const func = extern === undefined ? undefined : btf.typeOf(extern.type, 'func');
      arity = func === undefined ? 5 : Math.min(btf.typeOf(func.type, 'func_proto').parameters.length, 5);
      this.#arities.set(kfunc, arity);
    }
    return arity;
  }

  functionNamed(name: string): number | undefined {
    const fn = this.functions.findIndex((item) => item.name === name);
    return fn < 0 ? undefined : fn;
  }

  /** "task_struct.scx.slice"; undefined where the relocation is about no field's place. */
  fieldOf(relocation: CoreRelocation | undefined): string | undefined {
    if (relocation?.kind !== 'byte_off') return undefined;
    const { type, access } = relocation;
    let ofType = this.#fields.get(type);
    if (ofType === undefined) {
      ofType = new Map();
      this.#fields.set(type, ofType);
    }
    let text = ofType.get(access);
    if (text === undefined) {
      text = localAccess(this.object.btf, type, access).text;
      ofType.set(access, text);
    }
    return text;
  }

  /** Name of the enumerator that a relocation is about. */
  enumeratorOf({ kind, type, access }: CoreRelocation): string | undefined {
    if (kind !== 'enumval_value') return undefined;
    const named = this.object.btf.resolve(type);
    return named.kind === 'enum' || named.kind === 'enum64' ? named.values[access[0] ?? 0]?.name : undefined;
  }

  /** The variable of a section at this offset. */
  variableAt(section: string, offset: number): Variable | undefined {
    return this.#variablesOf(section).find((one) => offset >= one.offset && offset < one.offset + one.size);
  }

  #variablesOf(section: string): readonly Variable[] {
    let variables = this.#variables.get(section);
    if (variables === undefined) {
      const { elf, btf } = this.object;
      const found = sectionNamed(elf, section);
      const names = new Set(
        parameters(this.object).flatMap((one) => (one.section === section ? one.offset : [])),
      );
      variables =
        found === undefined
          ? []
          : dataVariables(elf, btf, found).map(({ name, offset, size }) => ({
              name,
              offset,
              size,
              isParameter: names.has(offset),
            }));
      this.#variables.set(section, variables);
    }
    return variables;
  }

  /** What so many bytes of a section hold before anything runs; undefined outside. Little-endian, unsigned. */
  initial(section: string, offset: number, bytes: number): bigint | undefined {
    const found = sectionNamed(this.object.elf, section);
    if (found === undefined || offset < 0 || offset + bytes > found.size) return undefined;
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(found.data[offset + i] ?? 0);
    return value;
  }

  line(fn: number, at: number): LineRecord | undefined {
    const program = this.functions[fn];
    if (program === undefined) return undefined;
    const line = this.object.ext?.lineAt(program.section, program.offset + at * 8);
    return line !== undefined && line.offset >= program.offset ? line : undefined;
  }

  place(fn: number, at: number, callback: string | null): GatePlace {
    const line = this.line(fn, at);
    return {
      program: this.functions[fn]?.name ?? null,
      callback,
      instruction: at,
      file: line?.file.replace(/^(\.\/)+/, '') ?? null,
      line: line?.line ?? null,
      column: line?.column ?? null,
      text: line?.text.trim() ?? null,
    };
  }
}

export const wholeObject: GatePlace = {
  program: null,
  callback: null,
  instruction: null,
  file: null,
  line: null,
  column: null,
  text: null,
};

/** What libbpf looks for in the kernel, and what it is called where versions do not matter. */
export function kfuncNames(declared: string): { symbol: string; base: string } {
  let names = namesByDeclared.get(declared);
  if (names === undefined) {
    const symbol = essentialName(declared);
    const base = symbol.split('___')[0]!;
    names = { symbol, base: oldNames[base] ?? base };
    // Objects may name anything; what is not known is not remembered.
    if (/^_*(scx_bpf|bpf)_/.test(declared) && namesByDeclared.size < 1000)
      namesByDeclared.set(declared, names);
  }
  return names;
}

const namesByDeclared = new Map<string, { symbol: string; base: string }>();

/** Names of 6.12, and 6.19's forms with a structure of arguments. */
const oldNames = table<string>({
  ...renamed,
  __scx_bpf_dsq_insert_vtime: 'scx_bpf_dsq_insert_vtime',
  __scx_bpf_select_cpu_and: 'scx_bpf_select_cpu_and',
});

export function slotsOf(code: readonly Instruction[]): number {
  const last = code.at(-1);
  return last === undefined ? 0 : last.at + last.slots;
}
