// Text views of an object, for people, golden files and `schedcp show object | disasm`. The disassembly compares line
// for line with `llvm-objdump -dr --mcpu=v4`, minus raw bytes.
import { hex } from '../lib/bytes.ts';
import { accessText, typeText } from './btf-text.ts';
import { instructionText } from './disassemble.ts';
import type { Instruction } from './instructions.ts';
import type { BpfMap } from './maps.ts';
import type { BpfObject } from './object.ts';
import { type Parameter, parameters } from './parameters.ts';
import type { Program } from './programs.ts';
import type { Reference } from './references.ts';

/** One page. Ends in a newline. */
export function objectView(object: BpfObject): string {
  const blocks = [
    [`licence ${object.licence || '(none)'}`],
    table('programs', object.programs.map(programRow)),
    table('subprograms', object.subprograms.map(programRow)),
    table('maps', object.maps.map(mapRow)),
    ...object.structOps.map((ops) => structOpsBlock(ops)),
    table('parameters', parameters(object).map(parameterRow)),
    table('externs', externRows(object)),
    object.helpers.length === 0 ? [] : [`helpers ${object.helpers.join(' ')}`],
  ];
  const filled = blocks.filter((lines) => lines.length > 0);
  return `${filled.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** Columns padded to their widest cell, under a title with the number of rows; nothing when there are none. */
function table(title: string, rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  const line = (row: readonly string[]) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  return [`${title} ${rows.length}`, ...rows.map((row) => `  ${line(row).trimEnd()}`)];
}

function programRow(program: Program): string[] {
  const slots = program.instructions.reduce((sum, { slots }) => sum + slots, 0);
  const marks = [program.sleepable ? 'sleepable' : '', program.global ? '' : 'static'].filter(Boolean);
  return [program.name, program.section, `${slots} instructions`, marks.join(' ')];
}

function mapRow(map: BpfMap): string[] {
  const inner = map.inner ? `of ${map.inner.typeName} × ${map.inner.maxEntries}` : '';
  const flags = map.flags === 0 ? '' : `flags ${hex(map.flags)}`;
  const pinned = map.pinning === 0 ? '' : 'pinned';
  const sizes = `${map.keySize} → ${map.valueSize} bytes`;
  const extras = [inner, flags, pinned].filter(Boolean).join(' ');
  return [map.name, map.typeName, sizes, map.maxEntries === 0 ? '' : `× ${map.maxEntries}`, extras];
}

function structOpsBlock(ops: BpfObject['structOps'][number]): string[] {
  const value = (item: bigint | string) => (typeof item === 'string' ? JSON.stringify(item) : String(item));
  const rows = [
    ...[...ops.programs].map(([member, program]) => [member, program]),
    ...[...ops.values].filter(([, item]) => item !== 0n && item !== '').map(([m, item]) => [m, value(item)]),
  ];
  return table(`${ops.section} ${ops.type} ${ops.variable}`, rows);
}

function parameterRow(parameter: Parameter): string[] {
  const { value, enumerators } = parameter;
  const name = enumerators.find((item) => item.value === value)?.name;
  const shown = value === undefined ? '(not patchable)' : `${value}${name === undefined ? '' : ` ${name}`}`;
  return [parameter.name, parameter.type, parameter.kind, shown];
}

function externRows(object: BpfObject): string[][] {
  return object.externs.map(({ kind, name, weak, type }) => [
    kind,
    typeText(object.btf, type, name),
    weak ? 'weak' : '',
  ]);
}

/** The lines of one function: `slot: text <target>`, and below an instruction what it refers to. */
export function disassembly(object: BpfObject, program: Program): string {
  const lines = [`${program.name}: ${program.section}+${hex(program.offset)}`];
  for (const code of program.instructions) {
    const slot = String(program.offset / 8 + code.at).padStart(8);
    lines.push(`${slot}:\t${instructionText(code)}${targetText(program, code)}`);
    const reference = program.references.get(code.at);
    if (reference !== undefined) lines.push(`\t\t${referenceText(reference)}`);
    const core = program.coreRelocations.get(code.at);
    if (core !== undefined)
      lines.push(`\t\tCO-RE <${core.kind}> ${accessText(object.btf, core.type, core.access)}`);
  }
  return `${lines.join('\n')}\n`;
}

function targetText(program: Program, code: Instruction): string {
  const jumps = code.kind === 'branch' || code.kind === 'goto' || code.kind === 'may_goto';
  return jumps ? ` <${program.name}+${hex(code.target * 8)}>` : '';
}

function referenceText(reference: Reference): string {
  switch (reference.kind) {
    case 'map':
      return `map ${reference.name}`;
    case 'data':
      return `${reference.section}+${hex(reference.offset)} ${reference.symbol ?? ''}`.trimEnd();
    case 'function':
      return `function ${reference.name}`;
    default:
      return `${reference.kind} ${reference.name}${reference.weak ? ' (weak)' : ''}`;
  }
}
