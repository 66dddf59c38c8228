// What a register may hold: a small set of atoms, each of them a constant or something that came from somewhere. Atoms and sets are interned, so that equal means identical.
// Our own design; what it is asked follows from the rules beside it.

export type OriginKind =
  | 'const'
  | 'ctx'
  | 'arg'
  | 'frame'
  | 'outer'
  | 'kfunc'
  | 'helper'
  | 'parameter'
  | 'rodata'
  | 'global'
  | 'data'
  | 'map'
  | 'function'
  | 'ksym'
  | 'offset'
  | 'field'
  | 'fieldptr'
  | 'plus'
  | 'bits'
  | 'mod'
  | 'shl32'
  | 'local-on'
  | 'numbers'
  | 'queue-walk'
  | 'counter'
  | 'loaded'
  | 'calc';

/** Where a value came from. Atoms of one origin hold the same number, at least within one round of a loop. */
export interface Origin extends Atom {
  readonly kind: OriginKind;
  /** kfunc, helper, map, field ("task_struct.scx.slice"), parameter, argument, section … */
  readonly name: string;
  /** Of constants (64 bits, unsigned); default of a parameter; offset; mask. */
  readonly value: bigint;
  /** Function and slot of the instruction that made it; −1: not of one. */
  readonly fn: number;
  readonly at: number;
  /** What it was made of: arguments of a call, operands. Grows while loops are followed. */
  of: readonly Value[];
  /** With flags; the origin itself is the atom without any. */
  variants: Atom[] | undefined;
}

/** What is known on every way to here (`limited`: it is a second at most, taken as ns), and on some way: that a branch has asked about it. */
export const flag = { nonNegative: 2, allowed: 4, tested: 8, limited: 16 } as const;
const mustFlags = flag.nonNegative | flag.allowed | flag.limited;

/** As a value, it is this and nothing else. */
export interface Atom extends Value {
  readonly number: number;
  readonly origin: Origin;
  readonly flags: number;
}

export interface Value {
  /** In order of number; undefined: anything. */
  readonly atoms: readonly Atom[] | undefined;
}

export const anything: Value = { atoms: undefined };
const mostAtoms = 16;
const none: readonly never[] = [];

export class Values {
  /** By kind, name and value: what is the same wherever it is made. */
  readonly #anywhere = new Map<OriginKind, Map<string, Map<bigint, Origin>>>();
  readonly #constants = new Map<bigint, Value>();
  readonly #sets = new Map<string, Value>();
  readonly #immediates = new Map<number, Value>();
  /** By function and slot: what was made there first, and all else that was. */
  readonly #made: (Origin | undefined)[][] = [];
  readonly #others = new Map<string, Origin>();
  #atom = 0;

  constant(value: bigint): Value {
    const known = this.#constants.get(value);
    if (known !== undefined) return known;
    const made = this.ofAtom(this.atom(this.#make('const', '', value, -1, -1), 0));
    this.#constants.set(value, made);
    return made;
  }

  /** An immediate of 32 bits, sign-extended. */
  immediate(value: number): Value {
    let known = this.#immediates.get(value);
    if (known === undefined) {
      known = this.constant(BigInt.asUintN(64, BigInt(value)));
      this.#immediates.set(value, known);
    }
    return known;
  }

  /** `fn` and `at` tell apart what two instructions made; −1 where the name is enough. */
  made(kind: OriginKind, name: string, value = 0n, fn = -1, at = -1, of: readonly Value[] = none): Value {
    const origin = at < 0 ? this.#named(kind, name, value) : this.#placed(kind, name, value, fn, at);
    origin.of = of;
    return this.atom(origin, 0);
  }

  /** Something calculated of two values. */
  calculated(name: string, fn: number, at: number, a: Value, b: Value): Value {
    const origin = this.#placed('calc', name, 0n, fn, at);
    if (origin.of[0] !== a || origin.of[1] !== b) origin.of = [a, b];
    return this.atom(origin, 0);
  }

  /** One instruction makes one thing, mostly. */
  #placed(kind: OriginKind, name: string, value: bigint, fn: number, at: number): Origin {
    let own = this.#made[fn];
    if (own === undefined) {
      own = [];
      this.#made[fn] = own;
    }
    while (own.length <= at) own.push(undefined);
    const known = own[at];
    if (known === undefined) {
      const made = this.#make(kind, name, value, fn, at);
      own[at] = made;
      return made;
    }
    if (known.kind === kind && known.name === name && known.value === value) return known;
    const key = `${kind} ${name} ${value} ${fn} ${at}`;
    let other = this.#others.get(key);
    if (other === undefined) {
      other = this.#make(kind, name, value, fn, at);
      this.#others.set(key, other);
    }
    return other;
  }

  #named(kind: OriginKind, name: string, value: bigint): Origin {
    let ofKind = this.#anywhere.get(kind);
    if (ofKind === undefined) {
      ofKind = new Map();
      this.#anywhere.set(kind, ofKind);
    }
    let ofName = ofKind.get(name);
    if (ofName === undefined) {
      ofName = new Map();
      ofKind.set(name, ofName);
    }
    let origin = ofName.get(value);
    if (origin === undefined) {
      origin = this.#make(kind, name, value, -1, -1);
      ofName.set(value, origin);
    }
    return origin;
  }

  #make(kind: OriginKind, name: string, value: bigint, fn: number, at: number): Origin {
    const number = this.#atom++;
    const self = undefined as unknown as Origin;
    const made = {
      atoms: none as readonly Atom[],
      number,
      origin: self,
      flags: 0,
      kind,
      name,
      value,
      fn,
      at,
      of: none as readonly Value[],
      variants: undefined,
    };
    made.origin = made;
    made.atoms = [made];
    return made;
  }

  atom(origin: Origin, flags: number): Atom {
    if (flags === 0) return origin;
    const { variants } = origin;
    if (variants === undefined) {
      const first = this.#makeAtom(origin, flags);
      origin.variants = [first];
      return first;
    }
    for (let i = 0; i < variants.length; i++) if (variants[i]!.flags === flags) return variants[i]!;
    const atom = this.#makeAtom(origin, flags);
    variants.push(atom);
    return atom;
  }

  /** Lists are written out with what is in them: one that begins empty gets room for seventeen. */
  #makeAtom(origin: Origin, flags: number): Atom {
    const atom = { atoms: none as readonly Atom[], number: this.#atom++, origin, flags };
    atom.atoms = [atom];
    return atom;
  }

  ofAtom(atom: Atom): Value {
    return atom;
  }

  /** Any order, no two of one origin. */
  ofAtoms(atoms: Atom[]): Value {
    if (atoms.length === 1) return this.ofAtom(atoms[0]!);
    if (atoms.length > mostAtoms) return anything;
    let key = '';
    for (const { number } of sorted(atoms)) key += ` ${number}`;
    let value = this.#sets.get(key);
    if (value === undefined) {
      value = { atoms };
      this.#sets.set(key, value);
    }
    return value;
  }

  join(a: Value, b: Value): Value {
    if (a === b) return a;
    if (a.atoms === undefined || b.atoms === undefined) return anything;
    const atoms = a.atoms.slice();
    let isNew = false;
    for (const atom of b.atoms) {
      const i = indexOf(atoms, atom.origin);
      const joined = i < 0 ? atom : this.atom(atom.origin, joinFlags(atoms[i]!.flags, atom.flags));
      if (joined === atoms[i]) continue;
      atoms[i < 0 ? atoms.length : i] = joined;
      isNew = true;
    }
    return isNew ? this.ofAtoms(atoms) : a;
  }

  withFlags(value: Value, flags: number): Value {
    if (value.atoms === undefined) return value;
    return this.ofAtoms(value.atoms.map((atom) => this.atom(atom.origin, atom.flags | flags)));
  }
}

/** In place; they are few, and nearly in order. */
function sorted(atoms: Atom[]): Atom[] {
  for (let i = 1; i < atoms.length; i++) {
    const atom = atoms[i]!;
    let to = i;
    for (; to > 0 && atoms[to - 1]!.number > atom.number; to--) atoms[to] = atoms[to - 1]!;
    atoms[to] = atom;
  }
  return atoms;
}

/** Where the origin is among atoms; −1: nowhere. */
export function indexOf(atoms: readonly Atom[], origin: Origin): number {
  for (let i = 0; i < atoms.length; i++) if (atoms[i]!.origin === origin) return i;
  return -1;
}

function joinFlags(a: number, b: number): number {
  return (a & b & mustFlags) | ((a | b) & ~mustFlags);
}

/** The one constant that it is. */
export function constantOf({ atoms }: Value): bigint | undefined {
  return atoms?.length === 1 && atoms[0]!.origin.kind === 'const' ? atoms[0]!.origin.value : undefined;
}

/** All that it may be, as far as they are constants and default values of parameters; undefined where it may be something else. `exact`: no parameter is among them. */
export function constantsOf({ atoms }: Value): { values: bigint[]; exact: boolean } | undefined {
  if (atoms === undefined) return undefined;
  // Mostly it is one thing.
  if (atoms.length === 1 && atoms[0]!.origin.kind === 'const')
    return { values: [atoms[0]!.origin.value], exact: true };
  const values = new Set<bigint>();
  let exact = true;
  for (const { origin } of atoms) {
    if (origin.kind === 'const') values.add(origin.value);
    else if (origin.kind === 'parameter') {
      values.add(origin.value);
      exact = false;
    } else if (origin.kind === 'bits' && origin.value < 16n && (origin.value & (origin.value + 1n)) === 0n)
      for (let i = 0n; i <= origin.value; i++) values.add(i);
    else if (origin.kind === 'mod' && origin.value <= 16n)
      for (let i = 0n; i < origin.value; i++) values.add(i);
    else return undefined;
  }
  return { values: [...values], exact };
}

/** The one origin, through bits, widths and additions. */
export function rootOf(value: Value | undefined): Origin | undefined {
  let origin = value?.atoms?.length === 1 ? value.atoms[0]!.origin : undefined;
  for (let i = 0; i < 8; i++) {
    if (origin?.kind !== 'bits' && origin?.kind !== 'shl32' && origin?.kind !== 'plus') break;
    const of: Value | undefined = origin.of[0];
    origin = of?.atoms?.length === 1 ? of.atoms[0]!.origin : undefined;
  }
  return origin;
}

/** Whether any of what it was made of, itself included, fits. */
export function anyOrigin(value: Value | undefined, fits: (origin: Origin) => boolean, depth = 6): boolean {
  for (const { origin } of value?.atoms ?? none) {
    if (fits(origin)) return true;
    if (depth > 0) for (const of of origin.of) if (anyOrigin(of, fits, depth - 1)) return true;
  }
  return false;
}
