// Writes what this room read in the words of llvm-objdump and of bpftool, so that the two compare line for line.

import type { Btf } from '../../src/bpf/btf.ts';
import { accessText } from '../../src/bpf/btf-text.ts';
import type { BtfType } from '../../src/bpf/btf-types.ts';
import { instructionText } from '../../src/bpf/disassemble.ts';
import { relocationType } from '../../src/bpf/elf.ts';
import type { BpfObject } from '../../src/bpf/object.ts';
import type { Program } from '../../src/bpf/programs.ts';
import { hex } from '../../src/lib/bytes.ts';

/** The lines of `llvm-objdump -dr --mcpu=v4 --no-show-raw-insn` that carry content. */
export function objdumpLines(object: BpfObject): string[] {
  const lines: string[] = [];
  let section = '';
  const functions = [...object.programs, ...object.subprograms];
  const order = new Map(object.elf.sections.map(({ name, index }) => [name, index]));
  functions.sort((a, b) => (order.get(a.section) ?? 0) - (order.get(b.section) ?? 0) || a.offset - b.offset);
  for (const program of functions) {
    if (program.section !== section) lines.push(`Disassembly of section ${program.section}:`);
    section = program.section;
    lines.push(`${address(program.offset)} <${program.name}>:`, ...functionLines(object, program));
  }
  return lines;
}

function address(offset: number): string {
  return offset.toString(16).padStart(16, '0');
}

function functionLines(object: BpfObject, program: Program): string[] {
  const lines: string[] = [];
  const index = object.elf.sections.findIndex(({ name }) => name === program.section);
  const relocations = new Map(object.elf.relocations.get(index)?.map((item) => [item.offset, item]));
  for (const code of program.instructions) {
    const offset = program.offset + code.at * 8;
    const jumps = code.kind === 'branch' || code.kind === 'goto' || code.kind === 'may_goto';
    const target = jumps ? ` <${program.name}+${hex(code.target * 8)}>` : '';
    lines.push(`${String(offset / 8).padStart(8)}:\t${instructionText(code)}${target}`);
    const core = program.coreRelocations.get(code.at);
    const relocation = relocations.get(offset);
    if (relocation !== undefined) {
      const name = relocation.type === relocationType.call ? 'R_BPF_64_32' : 'R_BPF_64_64';
      const { symbol } = relocation;
      const target = symbol.name === '' ? object.elf.sections[symbol.section]?.name : symbol.name;
      lines.push(`\t\t${address(offset)}:  ${name}\t${target}`);
    }
    if (core !== undefined) {
      const path = accessText(object.btf, core.type, core.access);
      const suffix = core.access.length > 1 || !/type/.test(core.kind) ? ` (${core.access.join(':')})` : '';
      const shown = core.kind.startsWith('enumval') ? '' : suffix;
      lines.push(`\t\t${address(offset)}:  CO-RE <${core.kind}> [${core.type}] ${path}${shown}`);
    }
  }
  return lines;
}

/** Drops the file's name and the blank lines. */
export function objdumpContent(text: string): string[] {
  return text.split('\n').filter((line) => line.trim() !== '' && !line.includes('file format'));
}

/** `bpftool btf dump file`, line for line. */
export function bpftoolLines(btf: Btf): string[] {
  const lines: string[] = [];
  for (let id = 1; id < btf.count; id++) lines.push(...typeLines(btf, btf.type(id)));
  return lines;
}

function typeLines(btf: Btf, type: BtfType): string[] {
  const head = `[${type.id}] ${type.kind.toUpperCase()} '${type.name || '(anon)'}'`;
  const sub = (name: string, rest: string) => `\t'${name || '(anon)'}' ${rest}`;
  switch (type.kind) {
    case 'int': {
      const encoding = { unsigned: '(none)', signed: 'SIGNED', char: 'CHAR', bool: 'BOOL' }[type.encoding];
      return [
        `${head} size=${type.size} bits_offset=${type.bitOffset} nr_bits=${type.bits} encoding=${encoding}`,
      ];
    }
    case 'float':
      return [`${head} size=${type.size}`];
    case 'fwd':
      return [`${head} fwd_kind=${type.of}`];
    case 'array':
      return [`${head} type_id=${type.element} index_type_id=${type.index} nr_elems=${type.count}`];
    case 'struct':
    case 'union': {
      const width = (bits: number) => (bits === 0 ? '' : ` bitfield_size=${bits}`);
      const members = type.members.map((member) =>
        sub(member.name, `type_id=${member.type} bits_offset=${member.bitOffset}${width(member.bitSize)}`),
      );
      return [`${head} size=${type.size} vlen=${type.members.length}`, ...members];
    }
    case 'enum':
    case 'enum64': {
      const mark = type.kind === 'enum' ? '' : type.signed ? 'LL' : 'ULL';
      const encoding = type.signed ? 'SIGNED' : 'UNSIGNED';
      const values = type.values.map(({ name, value }) => sub(name, `val=${value}${mark}`));
      return [`${head} encoding=${encoding} size=${type.size} vlen=${values.length}`, ...values];
    }
    case 'func':
      return [`${head} type_id=${type.type} linkage=${type.linkage}`];
    case 'func_proto': {
      const parameters = type.parameters.map((item) => sub(item.name, `type_id=${item.type}`));
      return [`${head} ret_type_id=${type.returns} vlen=${parameters.length}`, ...parameters];
    }
    case 'var':
      return [`${head} type_id=${type.type}, linkage=${type.linkage}`];
    case 'datasec': {
      const entries = type.variables.map((entry) => {
        const item = btf.typeOf(entry.type, 'var', 'func');
        const what = `${item.kind.toUpperCase()} '${item.name}'`;
        return `\ttype_id=${entry.type} offset=${entry.offset} size=${entry.size} (${what})`;
      });
      return [`${head} size=${type.size} vlen=${entries.length}`, ...entries];
    }
    case 'decl_tag':
      return [`${head} type_id=${type.type} component_idx=${type.component}`];
    case 'void':
      return [];
    default:
      return [`${head} type_id=${type.type}`];
  }
}
