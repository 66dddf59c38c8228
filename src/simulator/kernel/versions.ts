// Which kernel the simulator claims to be: what exists there, by name, as libbpf would find it in the kernel's BTF and configuration. The
// data are generated from real kernels (scripts/kernel-facts.mts), one file a version, so that another version is another file.
import type { KernelFacts } from './facts.ts';
import { linux618 } from './linux-6.18.ts';

export interface KernelVersion {
  /** "6.18.15". */
  readonly release: string;
  /** LINUX_KERNEL_VERSION. */
  readonly code: number;
  /** CONFIG_X without the prefix → y, m, a number or a text in quotes. */
  readonly config: ReadonlyMap<string, string>;
  /** Struct → member → type: "s32", "char[16]", "ptr", a struct's name, "u32/3" for bit fields. */
  readonly structs: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly enums: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
  /** Name → signature. */
  readonly kfuncs: ReadonlyMap<string, string>;
  readonly perCpu: ReadonlySet<string>;
  /** Name of a helper by its number. */
  readonly helpers: readonly string[];
  /** Does the kernel have a struct, union or enum of that name? Undefined: the data do not say. */
  hasType(name: string): boolean | undefined;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function pairs(text: string, separator: string): [string, string][] {
  return words(text).map((word) => {
    const at = word.indexOf(separator);
    return [word.slice(0, at), word.slice(at + 1)];
  });
}

export function kernelVersion(facts: KernelFacts): KernelVersion {
  const [major = 0, minor = 0, patch = 0] = facts.release.split('.').map(Number);
  const enums = new Map(
    Object.entries(facts.enums).map(([name, text]) => [
      name,
      new Map(pairs(text, '=').map(([enumerator, value]) => [enumerator, BigInt(value)] as const)),
    ]),
  );
  const structs = new Map(
    Object.entries(facts.structs).map(([name, text]) => [name, new Map(pairs(text, ':'))]),
  );
  const complete = words(facts.complete);
  return {
    release: facts.release,
    code: major * 65536 + minor * 256 + Math.min(patch, 255),
    config: new Map(pairs(facts.config, '=')),
    structs,
    enums,
    kfuncs: new Map(pairs(facts.kfuncs, ':')),
    perCpu: new Set(words(facts.perCpu)),
    helpers: words(facts.helpers),
    hasType: (name) => {
      if (structs.has(name) || enums.has(name)) return true;
      return complete.some((prefix) => name.startsWith(prefix)) ? false : undefined;
    },
  };
}

/** Linux 6.18.15 as Debian builds it for clouds. */
export const linux6_18: KernelVersion = kernelVersion(linux618);
