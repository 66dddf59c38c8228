// The shape of a function's prototype as one word, so that prototypes of two BTFs can be compared: what libbpf compares when it binds a
// kfunc. Source: libbpf's documented rules for compatible types (kinds must agree; names and sizes need not).
import type { Btf } from './btf.ts';

const letters = {
  void: 'v',
  int: 'i',
  float: 'd',
  enum: 'e',
  enum64: 'e',
  struct: 's',
  union: 'u',
  fwd: 'f',
} as const;

/** `id`: a func or a func_proto. Result first, then the parameters: "vii" for void (int, int), "ps…" for a pointer to a struct. */
export function signatureOf(btf: Btf, id: number): string {
  const parts: string[] = [];
  write(btf, id, parts, 0);
  return parts.join('');
}

function write(btf: Btf, id: number, parts: string[], depth: number): void {
  if (depth > 32 || parts.length > 500) btf.fail(id, `prototype ${id} nests too deep, or is a loop`);
  const type = btf.resolve(id);
  switch (type.kind) {
    case 'func':
      write(btf, type.type, parts, depth + 1);
      return;
    case 'ptr':
      parts.push('p');
      write(btf, type.type, parts, depth + 1);
      return;
    case 'array':
      parts.push('a');
      write(btf, type.element, parts, depth + 1);
      return;
    case 'func_proto':
      if (depth > 1) parts.push(`(${type.parameters.length}`);
      write(btf, type.returns, parts, depth + 1);
      for (const parameter of type.parameters) write(btf, parameter.type, parts, depth + 1);
      return;
    default:
      parts.push(letters[type.kind as keyof typeof letters] ?? '?');
  }
}
