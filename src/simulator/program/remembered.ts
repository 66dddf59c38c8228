// What loading has worked out before: objects read, code linked, modules compiled. The same policy, whatever its parameters, then starts at once, and
// with machine code that the engine has improved already.

import { type BpfObject, readObject } from '../../bpf/object.ts';
import type { KernelVersion } from '../kernel/versions.ts';
import { type Addresses, type Linked, link } from './link.ts';

/** Of each kind; what was not used for longest is forgotten first. */
const most = 32;

/** Linked code, and every address that linking asked for. */
interface Link {
  readonly object: BpfObject;
  readonly kernel: KernelVersion;
  readonly asked: readonly {
    readonly what: Asked;
    readonly name: string;
    readonly answer: number | undefined;
  }[];
  readonly linked: Linked;
}

type Asked = 'map' | 'data' | 'ksym';

/** For one memory and one table of kfuncs and helpers. */
export class Remembered {
  readonly #objects: { readonly bytes: Uint8Array; readonly object: BpfObject }[] = [];
  readonly #links: Link[] = [];
  readonly #made = new WeakMap<object, Map<string, unknown>>();

  /** As readObject. @throws Fault malformed. */
  read(bytes: Uint8Array): BpfObject {
    const known = find(this.#objects, (one) => isEqual(one.bytes, bytes));
    if (known !== undefined) return known.object;
    const own = new Uint8Array(bytes); // slice() of a Buffer is no copy
    const object = readObject(own);
    remember(this.#objects, { bytes: own, object });
    return object;
  }

  /** As link. @throws Fault malformed; unsupported when the object has no sched_ext_ops. */
  link(object: BpfObject, kernel: KernelVersion, addresses: Addresses): Linked {
    const known = find(
      this.#links,
      (one) =>
        one.kernel === kernel &&
        hasSameCode(one.object, object) &&
        one.asked.every(({ what, name, answer }) => addresses[what](name) === answer),
    );
    if (known !== undefined) return known.linked;
    const asked: Link['asked'][number][] = [];
    const ask = (what: Asked, name: string): number | undefined => {
      const answer = addresses[what](name);
      asked.push({ what, name, answer });
      return answer;
    };
    const linked = link(object, kernel, {
      map: (name) => ask('map', name) as number,
      data: (section) => ask('data', section) as number,
      ksym: (name) => ask('ksym', name),
      functionPointer: addresses.functionPointer,
    });
    remember(this.#links, { object, kernel, asked, linked });
    return linked;
  }

  /** What `make` makes of an object, a part of it or its linked code. `key`: what it is, and all else that it depends on. */
  made<T>(of: object, key: string, make: () => T): T {
    const known = this.#made.get(of) ?? new Map<string, unknown>();
    this.#made.set(of, known);
    if (!known.has(key)) known.set(key, make());
    return known.get(key) as T;
  }
}

/** Found ones move to the end. */
function find<T>(list: T[], is: (item: T) => boolean): T | undefined {
  const at = list.findLastIndex(is);
  if (at < 0) return undefined;
  const [item] = list.splice(at, 1);
  list.push(item as T);
  return item;
}

function remember<T>(list: T[], item: T): void {
  if (list.length === most) list.shift();
  list.push(item);
}

/** All but the values of variables is the same, and so linking gives the same, if addresses are. */
function hasSameCode(one: BpfObject, other: BpfObject): boolean {
  if (one === other) return true;
  const [a, b] = [one.elf.sections, other.elf.sections];
  return (
    a.length === b.length &&
    a.every((section, i) => {
      const twin = b[i]!;
      const isSame = section.name === twin.name && section.type === twin.type && section.size === twin.size;
      return isSame && (/^\.(rodata|data|bss)/.test(section.name) || isEqual(section.data, twin.data));
    })
  );
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
