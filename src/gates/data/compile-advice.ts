// What clang's messages usually mean in a policy, and what to write instead. Messages: clang 19; names: kernel/sched/ext.c, 6.12 to 7.3.

import { renamed } from './renamed.ts';

const advices: readonly (readonly [RegExp, (match: RegExpExecArray) => string])[] = [
  [
    /undeclared function '(\w+)'/,
    ([, name]) => {
      const now = renamed[name!];
      return now === undefined
        ? `Declare ${name}() as the kernel does, with __ksym at the end (and __weak where kernels lack it); include/kfuncs.h has those that all kernels from 6.16 to 7.3 have.`
        : `Since 6.13 it is called ${now}().`;
    },
  ],
  [
    /unsupported signed division/,
    () =>
      'Divide unsigned numbers: u64 and u32; where the sign counts, divide the absolute value and put the sign back.',
  ],
  [
    /BPF stack limit/,
    () => 'Put large variables into a map: a BPF_MAP_TYPE_PERCPU_ARRAY of one element, or task storage.',
  ],
  [
    /no member named '(\w+)' in 'struct (\w+)'/,
    ([, member, type]) =>
      `include/kernel.h declares what policies use; declare a flavour of your own with preserve_access_index: struct ${type}___mine { … ${member}; }.`,
  ],
  [
    /cannot open file '[^']+': Permission denied/,
    () =>
      'A source can open what lies beside it, and what --include names: copy the file there, or give its directory.',
  ],
  [
    /'([^']+)' file not found/,
    ([, file]) =>
      /vmlinux|scx\//.test(file!)
        ? 'Write #include "policy.h": no vmlinux.h is needed. For sources that need theirs, give its directory with --include.'
        : 'Give its directory with --include, or use the headers of policies/include.',
  ],
  [
    /undeclared identifier '(SCX_\w+)'/,
    ([, name]) =>
      `include/kernel.h has the constants that no kernel has changed; ask for ${name} by CO-RE: bpf_core_enum_value(enum …, ${name}).`,
  ],
  [
    /unknown type name '(\w+)'/,
    () => 'Write #include "policy.h" first: it brings the integer types and the kernel’s structures.',
  ],
  [
    /too many args|stack arguments|defined with too many/,
    () => 'BPF functions take five arguments; hand over a pointer to a structure.',
  ],
  [
    /A call to built-in function|builtin.*not supported/,
    () => 'BPF has no C library: write the loop, or use __builtin_memcpy with a constant size.',
  ],
];

/** Undefined where clang says it all. */
export function adviceFor(message: string): string | undefined {
  for (const [pattern, advice] of advices) {
    const match = pattern.exec(message);
    if (match !== null) return advice(match);
  }
  return undefined;
}
