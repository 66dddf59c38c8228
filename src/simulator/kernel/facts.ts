// The shape of the generated files of facts, one for each version of the kernel (scripts/kernel-facts.mts writes them).

/** Lists are words between blanks and line ends. */
export interface KernelFacts {
  readonly release: string;
  /** "HZ=250 NUMA=y": only what schedulers may ask. */
  readonly config: string;
  /** By name; "pid:s32 comm:char[16] scx:sched_ext_entity mm:ptr se_flag:u32/1"; anonymous members are flattened. */
  readonly structs: Readonly<Record<string, string>>;
  /** Type names with one of these prefixes are complete: what `structs` and `enums` lack does not exist. */
  readonly complete: string;
  /** By name; "SCX_ENQ_WAKEUP=1". */
  readonly enums: Readonly<Record<string, string>>;
  /** "scx_bpf_kick_cpu:vii", name and signature (`signatureOf`). */
  readonly kfuncs: string;
  /** Variables for each CPU, which objects may name as ksyms. */
  readonly perCpu: string;
  /** Helpers without their prefix, in the order of their numbers from 0. */
  readonly helpers: string;
}
