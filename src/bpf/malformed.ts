// How this room refuses bytes: one fault, `malformed`, whose `where` names the section and the offset in it.
import { Fault } from '../core/errors.ts';
import { hex, Reader } from '../lib/bytes.ts';

export function malformed(section: string, offset: number, problem: string): never {
  throw malformedFault(section, offset, problem);
}

export function malformedFault(section: string, offset: number, problem: string): Fault {
  const where = `${section || 'unnamed section'}+${hex(offset)}`;
  return new Fault('malformed', `${where}: ${problem}`, {
    tried: `read ${section || 'a section'}`,
    where,
    next: 'check that the file is complete; a BPF object comes from clang -target bpf -O2 -g',
  });
}

/** A reader whose out-of-bounds reads become `malformed` faults of that section. */
export function sectionReader(bytes: Uint8Array, section: string): Reader {
  return new Reader(bytes, (offset, problem) => malformed(section, offset, problem));
}
