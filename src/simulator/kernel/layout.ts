// Lays out structures in simulated memory from lists of members: in order, each aligned to its size, as C does. An object never sees the
// kernel's own offsets (CO-RE relocates it into these), so the structures are as small as what is modelled.

export interface Member {
  /** Bytes, from the start of the structure. */
  readonly offset: number;
  /** As in the facts of a kernel: "s32", "bool", "char[16]", "ptr", the name of a structure. */
  readonly type: string;
}
export interface Layout {
  readonly name: string;
  /** Bytes; a multiple of `alignment`. */
  readonly size: number;
  readonly alignment: number;
  readonly members: ReadonlyMap<string, Member>;
}
export type Layouts = ReadonlyMap<string, Layout>;

const scalars: Readonly<Record<string, number>> = {
  bool: 1,
  char: 1,
  u8: 1,
  s8: 1,
  u16: 2,
  s16: 2,
  u32: 4,
  s32: 4,
  enum32: 4,
  u64: 8,
  s64: 8,
  enum64: 8,
  ptr: 8,
};

/** "u64[4]" → element u64, count 4; other types have no count. */
export function arrayOf(type: string): { readonly element: string; readonly count: number | undefined } {
  const found = /^(.*)\[(\d+)\]$/.exec(type);
  return found === null
    ? { element: type, count: undefined }
    : { element: found[1] as string, count: Number(found[2]) };
}

/** Bytes and alignment. */
export function shapeOf(
  layouts: Layouts,
  type: string,
): { readonly size: number; readonly alignment: number } {
  const { element, count } = arrayOf(type);
  const one = scalars[element];
  const shape = one === undefined ? layouts.get(element) : { size: one, alignment: one };
  if (shape === undefined) throw new Error(`no layout of ${type}`);
  return { size: shape.size * (count ?? 1), alignment: shape.alignment };
}

/**
 * `declarations`: structure → "slice:u64 weight:u32 parent:ptr=real_parent …", structures before those that embed them. `=other` shares the
 * bytes of a member before it: nothing in the simulator ever tells the two apart, and programs cannot write them.
 */
export function layOut(declarations: Readonly<Record<string, string>>): Layouts {
  const layouts = new Map<string, Layout>();
  for (const [name, text] of Object.entries(declarations)) {
    const members = new Map<string, Member>();
    let [end, alignment] = [0, 1];
    for (const word of text.split(/\s+/).filter((item) => item !== '')) {
      const [, member, type, twin] = /^([^:]+):([^=]+)(?:=(.+))?$/.exec(word) ?? [];
      if (member === undefined || type === undefined) throw new Error(`${name}: ${word} is no member`);
      const shape = shapeOf(layouts, type);
      alignment = Math.max(alignment, shape.alignment);
      const offset = twin === undefined ? roundUp(end, shape.alignment) : members.get(twin)?.offset;
      if (offset === undefined) throw new Error(`${name}: no ${twin} before ${member}`);
      members.set(member, { offset, type });
      end = Math.max(end, offset + shape.size);
    }
    layouts.set(name, { name, size: roundUp(end, alignment), alignment, members });
  }
  return layouts;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** "scx.dsq_vtime" → scxDsqVtime. */
type Camel<T extends string> = T extends `${infer A}${'.' | '_'}${infer B}`
  ? A extends ''
    ? Camel<B>
    : `${A}${Capitalize<Camel<B>>}`
  : T;

/** Offsets of members by path, for the simulator's own reads and writes. */
export function offsetsOf<const P extends string>(
  layouts: Layouts,
  struct: string,
  ...paths: P[]
): Readonly<Record<Camel<P>, number>> {
  const entries = paths.map((path) => [camel(path), offsetOf(layouts, struct, path)]);
  return Object.fromEntries(entries) as Record<Camel<P>, number>;
}

export function offsetOf(layouts: Layouts, struct: string, path: string): number {
  let [type, offset] = [struct, 0];
  for (const step of path.split('.')) {
    const member = layouts.get(type)?.members.get(step);
    if (member === undefined) throw new Error(`${struct} has no ${path}`);
    offset += member.offset;
    type = member.type;
  }
  return offset;
}

function camel(path: string): string {
  const [first = '', ...rest] = path.split(/[._]/).filter((word) => word !== '');
  return first + rest.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}
