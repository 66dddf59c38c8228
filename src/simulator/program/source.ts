// From an instruction back to the line of C that it came from. Source: .BTF.ext line records, which hold from one to the next.
import type { BpfObject } from '../../bpf/object.ts';
import type { Program } from '../../bpf/programs.ts';

export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The line itself, without the blanks around it. */
  readonly text: string;
}

/** (function number, slot) → line; undefined without .BTF.ext. */
export function sourceReader(
  object: BpfObject,
  functions: readonly Program[],
): (fn: number, at: number) => SourceLine | undefined {
  return (fn, at) => {
    const program = functions[fn];
    if (program === undefined) return undefined;
    const place = program.offset + at * 8;
    let best: (SourceLine & { offset: number }) | undefined;
    for (const item of object.ext?.lines ?? []) {
      const holds = item.section === program.section && item.offset >= program.offset && item.offset <= place;
      if (holds && (best === undefined || item.offset >= best.offset)) best = item;
    }
    if (best === undefined) return undefined;
    const { file, line, column, text } = best;
    return { file, line, column, text: text.trim() };
  };
}
