// How a policy ends: the kinds and the kernel's words for them. Source: enum scx_exit_kind and scx_exit_reason(), kernel/sched/ext.c, v6.18.

export const exitKind = {
  none: 0,
  done: 1,
  unreg: 64,
  unregBpf: 65,
  unregKern: 66,
  sysrq: 67,
  error: 1024,
  errorBpf: 1025,
  errorStall: 1026,
} as const;

/** SCX_ECODE_ACT_RESTART | SCX_ECODE_RSN_HOTPLUG. */
export const hotplugCode = (1n << 48n) | (1n << 32n);

const reasons: Readonly<Record<number, string>> = {
  64: 'unregistered from user space',
  65: 'unregistered from BPF',
  66: 'unregistered from the main kernel',
  67: 'disabled by sysrq-S',
  1024: 'runtime error',
  1025: 'scx_bpf_error',
  1026: 'runnable task stall',
};

export function exitReason(kind: number): string {
  return reasons[kind] ?? '<UNKNOWN>';
}

export interface Exit {
  readonly kind: number;
  /** Decimal: beyond 2^53 for hotplug codes. */
  readonly code: string;
  readonly message: string;
  /** What was written down when it ended with an error. */
  readonly dump?: string;
}
