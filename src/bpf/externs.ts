// What an object expects from its loader: kfuncs and kernel variables (`.ksyms`), kconfig values (`.kconfig`).
// Source: libbpf's documentation of __ksym and __kconfig externs.
import type { Btf } from './btf.ts';
import type { Elf } from './elf.ts';

export interface Extern {
  readonly kind: 'kfunc' | 'ksym' | 'kconfig';
  readonly name: string;
  /** A weak extern that the kernel lacks becomes 0; a strong one refuses the load. */
  readonly weak: boolean;
  /** BTF id: of the `func` for a kfunc, of the declared type otherwise. */
  readonly type: number;
}

/** By name. @throws Fault malformed. */
export function readExterns(elf: Elf, btf: Btf): Map<string, Extern> {
  const weak = new Set(elf.symbols.filter(({ binding }) => binding === 'weak').map(({ name }) => name));
  const externs = new Map<string, Extern>();
  for (const section of ['.ksyms', '.kconfig']) {
    for (const entry of btf.find(section, 'datasec')?.variables ?? []) {
      const type = btf.typeOf(entry.type, 'var', 'func');
      const kind = type.kind === 'func' ? 'kfunc' : section === '.ksyms' ? 'ksym' : 'kconfig';
      const id = type.kind === 'func' ? type.id : type.type;
      externs.set(type.name, { kind, name: type.name, weak: weak.has(type.name), type: id });
    }
  }
  return externs;
}
